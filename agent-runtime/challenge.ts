import { solveChallenge as search } from 'altcha-lib'
import { deriveKey } from 'altcha-lib/algorithms/web/pbkdf2'
import { ForgeError } from '../kernel/errors.ts'
import type { Challenge, SolvedChallenge } from '../kernel/protocol.ts'
import { cancelled } from './clock.ts'
import { AGENT_LIMITS } from './limits.ts'

/**
 * Solves a hub's proof-of-work challenge with WebCrypto, in a worker as in Node. It costs about 0.15 s on a desktop and
 * under a second on a phone (server/core/challenges.ts sets the cost).
 * @throws ForgeError CANCELLED when `signal` aborts; UNAVAILABLE when this device needs too long
 */
export async function solveChallenge(challenge: Challenge, signal: AbortSignal): Promise<SolvedChallenge> {
  const controller = new AbortController()
  const onAbort = () => controller.abort()
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    const timeout = AGENT_LIMITS.challenge_timeout_ms
    const solution = await search({ challenge, deriveKey, controller, timeout })
    if (solution !== null) {
      const { counter, derivedKey } = solution
      return { challenge, solution: { counter, derivedKey } }
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
  if (signal.aborted) throw cancelled(signal)
  throw new ForgeError(
    'UNAVAILABLE',
    'this device needs too long for the proof of work that the hub asks for',
  )
}
