import { randomBytes } from 'node:crypto'
import { ForgeError } from '../../kernel/errors.ts'
import { CORE_LIMITS } from './limits.ts'

interface Open {
  readonly owner: string
  readonly expires_ms: number
}

/**
 * Challenges that wait for an answer, in memory: whoever had one when the server ended asks for another. Each is made for
 * one owner, lasts five minutes and is good for one try.
 */
export class ClaimChallenges {
  readonly #now_ms: () => number
  readonly #open = new Map<string, Open>()

  /** @param now_ms the time of day, milliseconds since 1970 */
  constructor(now_ms: () => number) {
    this.#now_ms = now_ms
  }

  /** An owner's oldest challenge makes room when he has as many as he may. @throws ForgeError RATE_LIMITED */
  issue(owner: string): { readonly nonce: string; readonly expires_ms: number } {
    const now_ms = this.#now_ms()
    for (const [nonce, { expires_ms }] of this.#open) if (expires_ms <= now_ms) this.#open.delete(nonce)
    const own = [...this.#open].filter(([, challenge]) => challenge.owner === owner)
    if (own.length >= CORE_LIMITS.claim_challenges_per_owner) this.#open.delete(own[0]?.[0] ?? '')
    if (this.#open.size >= CORE_LIMITS.claim_challenges)
      throw new ForgeError('RATE_LIMITED', 'too many devices are being claimed', {
        hint: 'Try again in a minute.',
      })
    const nonce = randomBytes(32).toString('base64url')
    const expires_ms = now_ms + CORE_LIMITS.claim_challenge_ms
    this.#open.set(nonce, { owner, expires_ms })
    return { nonce, expires_ms }
  }

  /** Uses it up. @throws ForgeError CONFLICT when it is not open for this owner: used, expired, or somebody else's */
  take(owner: string, nonce: string): void {
    const challenge = this.#open.get(nonce)
    if (challenge?.owner === owner) {
      this.#open.delete(nonce)
      if (challenge.expires_ms > this.#now_ms()) return
    }
    throw new ForgeError('CONFLICT', 'this challenge is not open any more', {
      path: 'nonce',
      hint: 'Ask for another: it lasts five minutes and is good for one claim.',
    })
  }
}
