import type { ServerResponse } from 'node:http'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { type Actor, ownerOf } from '../core/actor.ts'

/** So many of something in so many seconds. */
interface Rule {
  readonly points: number
  readonly seconds: number
}

const MINUTE = 60
const HOUR = 3600

/**
 * What is limited, for whom, and how much. A host is an IPv4 address or an IPv6 /64. What one person can do by hand, or
 * a program in reason, stays far below; what is guessed, mailed or paid for by the pool is kept small.
 */
export const RATE_LIMITS = {
  /** Requests to the API, sign-in included, by host, whoever asks. */
  host: { points: 6000, seconds: MINUTE },
  /** Calls of the API by account, by key, or by the host of a visitor or an agent. */
  account: { points: 3000, seconds: MINUTE },
  key: { points: 3000, seconds: MINUTE },
  visitor: { points: 1500, seconds: MINUTE },
  /** WebSockets opened, by host. */
  upgrade: { points: 600, seconds: MINUTE },
  /** Jobs submitted, by account or key. */
  submit: { points: 240, seconds: MINUTE },
  /** Examples run on the pool's credits, by host. */
  example: { points: 20, seconds: HOUR },
  /** Accounts made, by host. */
  sign_up: { points: 120, seconds: HOUR },
  guest: { points: 120, seconds: HOUR },
  /** Failed sign-ins by host, and by the address that is tried. */
  sign_in_host: { points: 60, seconds: 15 * MINUTE },
  sign_in_address: { points: 20, seconds: 15 * MINUTE },
  /** Passwords typed to confirm, by account. */
  password: { points: 10, seconds: 15 * MINUTE },
  /** Mails asked for, by host, and by the address they go to. */
  mail_host: { points: 30, seconds: HOUR },
  mail_address: { points: 5, seconds: HOUR },
  /** Consent cards shown in partners' pages, and consents given, by host. */
  embed_asked: { points: 1200, seconds: HOUR },
  embed_consent: { points: 240, seconds: HOUR },
  /** KiB of tiles that agents upload, by host. */
  tile_kib: { points: 16 * 1024 * 1024, seconds: HOUR },
  /** API keys and node tokens made, by account. */
  token: { points: 60, seconds: HOUR },
} as const satisfies Readonly<Record<string, Rule>>

export type LimitName = keyof typeof RATE_LIMITS

export type RateRules = Readonly<Record<LimitName, Rule>>

/** The limits where one address may have so many sockets: as many may be opened in a minute. */
export function rulesFor(socketsPerHost: number): RateRules {
  const { upgrade } = RATE_LIMITS
  return { ...RATE_LIMITS, upgrade: { ...upgrade, points: Math.max(upgrade.points, 2 * socketsPerHost) } }
}

/** Counts in this process's memory: a restart forgets, which costs an attacker more than it gives him. */
export class RateLimits {
  readonly #limiters: Readonly<Record<LimitName, RateLimiterMemory>>

  readonly #refused: (name: LimitName) => void

  /** @param refused hears of every refusal */
  constructor(rules: RateRules = RATE_LIMITS, refused: (name: LimitName) => void = () => {}) {
    this.#refused = refused
    const limiters = Object.entries(rules).map(([keyPrefix, { points, seconds }]) => [
      keyPrefix,
      new RateLimiterMemory({ keyPrefix, points, duration: seconds }),
    ])
    this.#limiters = Object.fromEntries(limiters)
  }

  /** Counts. @throws ForgeError RATE_LIMITED, with `Retry-After` on the response if there is one */
  async take(name: LimitName, who: string, response?: ServerResponse, points = 1): Promise<void> {
    try {
      await this.#limiters[name].consume(who, points)
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      this.#refused(name)
      const wait_s = Math.max(1, Math.ceil(error.msBeforeNext / 1000))
      response?.setHeader('retry-after', String(wait_s))
      throw new ForgeError('RATE_LIMITED', `too many ${WORDS[name]}`, { hint: `Try again in ${wait_s} s.` })
    }
  }

  /** Takes one back: what was counted was no failure. */
  async giveBack(name: LimitName, who: string): Promise<void> {
    await this.#limiters[name].reward(who)
  }
}

const WORDS: Readonly<Record<LimitName, string>> = {
  host: 'requests from your network',
  account: 'requests',
  key: 'requests',
  visitor: 'requests from your network',
  upgrade: 'connections from your network',
  submit: 'jobs at once',
  example: 'examples from your network',
  sign_up: 'new accounts from your network',
  guest: 'new sessions from your network',
  sign_in_host: 'failed sign-ins from your network',
  sign_in_address: 'failed sign-ins for this address',
  password: 'wrong passwords',
  mail_host: 'mails asked for from your network',
  mail_address: 'mails to this address',
  embed_asked: 'visits of partners’ pages from your network',
  embed_consent: 'consents from your network',
  tile_kib: 'bytes from your network',
  token: 'new keys',
}

/** Whose calls are counted, and how. */
export function callerOf(
  actor: Actor,
  host: string,
): { readonly name: 'account' | 'key' | 'visitor'; readonly who: string } {
  if (actor.kind === 'key') return { name: 'key', who: actor.keyId }
  const owner = ownerOf(actor)
  return owner === undefined ? { name: 'visitor', who: host } : { name: 'account', who: owner }
}

/** A mail address as a key: nothing of it is kept. */
export function addressKey(email: string): string {
  return sha256Hex(email.trim().toLowerCase())
}
