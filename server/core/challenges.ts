import { createHmac } from 'node:crypto'
import { createChallenge, randomInt, verifySolution } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/pbkdf2'
import { ForgeError } from '../../kernel/errors.ts'
import { type Challenge, challengeOutput, type SolvedChallenge } from '../../kernel/protocol.ts'
import type { ChallengeStore } from '../memory/embed-ports.ts'

/**
 * Proof of work for agents that nobody answers for: an anonymous enrolment costs its sender some computing, and us
 * nearly nothing. A challenge is signed and not stored; once redeemed it is remembered until it would have expired.
 */
export interface ChallengeService {
  /** A challenge that is good for one enrolment within its lifetime. */
  issue(): Promise<Challenge>
  /** @throws ForgeError CHALLENGE_REQUIRED when it is missing, not ours, expired, not solved or used before */
  redeem(solved: SolvedChallenge | undefined): Promise<void>
}

export interface ChallengeCost {
  /** PBKDF2 iterations for each counter. */
  readonly iterations: number
  /** The counter to find is uniform between these, both included. */
  readonly tries: readonly [least: number, most: number]
}

/** On average 80 tries of 5,000 iterations: measured 0.15 s on one server core; a phone needs three to six times that. */
export const ENROLMENT_COST: ChallengeCost = { iterations: 5_000, tries: [40, 120] }
const LIFETIME_MS = 5 * 60_000

export function createChallengeService(options: {
  /** Of the server; keys of our own are derived from it. */
  readonly secret: string
  readonly store: ChallengeStore
  readonly cost?: ChallengeCost
  /** Milliseconds since 1970. */
  readonly now?: () => number
}): ChallengeService {
  const { store, cost = ENROLMENT_COST, now = Date.now } = options
  const keyFor = (purpose: string) => createHmac('sha256', options.secret).update(purpose).digest('hex')
  const secrets = {
    hmacSignatureSecret: keyFor('forge/challenge/signature/1'),
    hmacKeySignatureSecret: keyFor('forge/challenge/key/1'),
  }
  return {
    async issue() {
      const [least, most] = cost.tries
      const { parameters, signature } = await createChallenge({
        algorithm: 'PBKDF2/SHA-256',
        cost: cost.iterations,
        counter: randomInt(most, least),
        deriveKey,
        expiresAt: Math.floor((now() + LIFETIME_MS) / 1000),
        ...secrets,
      })
      const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
      return challengeOutput.parse({ parameters: Object.fromEntries(given), signature })
    },

    async redeem(solved) {
      if (solved === undefined) throw required('an anonymous agent proves some work before it enrols')
      const { challenge, solution } = solved
      const expires_ms = challenge.parameters.expiresAt * 1000
      if (now() >= expires_ms) throw required('this challenge has expired')
      const { verified, expired } = await verifySolution({ challenge, solution, deriveKey, ...secrets })
      if (expired) throw required('this challenge has expired')
      if (!verified) throw required('this is no solved challenge of this hub')
      if (!(await store.spend(challenge.parameters.nonce, new Date(expires_ms))))
        throw required('this challenge was used before')
    },
  }
}

function required(message: string): ForgeError {
  return new ForgeError('CHALLENGE_REQUIRED', message, {
    path: 'challenge',
    hint: 'Ask for a challenge with hub.challenge, solve it, and enrol with it once.',
  })
}
