import type { HexDigest } from '../../kernel/digest.ts'
import type { ConsentEnd, ConsentStore } from '../memory/embed-ports.ts'
import type { HubSessions } from './hub-port.ts'
import type { Log } from './log.ts'

const CHECK_EVERY_MS = 1_000

/** What the visitor reads; also at an enrolment with such a consent (embed.ts). */
export const CONSENT_ENDS: Readonly<Record<ConsentEnd, string>> = {
  stopped: 'this consent was stopped',
  expired: 'this consent has expired',
  switched_off: 'the owner of this site has switched it off',
}

/**
 * Ends the sessions of embedded agents whose consent no longer holds: stopped, expired, or its site switched off. It asks
 * the database every second, so that it is right whoever changed the row; `check` asks at once.
 */
export class ConsentWatch {
  readonly #consents: ConsentStore
  readonly #hub: Pick<HubSessions, 'sessions' | 'endAgentSessions'>
  readonly #log: Log
  readonly #now: () => number
  readonly #timer: ReturnType<typeof setInterval>

  /** @param options.now milliseconds since 1970 */
  constructor(options: {
    readonly consents: ConsentStore
    readonly hub: Pick<HubSessions, 'sessions' | 'endAgentSessions'>
    readonly log: Log
    readonly now?: () => number
  }) {
    this.#consents = options.consents
    this.#hub = options.hub
    this.#log = options.log
    this.#now = options.now ?? Date.now
    this.#timer = setInterval(() => {
      // A database that does not answer takes no results either: nothing of what an agent does meanwhile is accepted.
      this.check().catch((error: unknown) => this.#log.warn('embed.consents_unchecked', { error }))
    }, CHECK_EVERY_MS)
    this.#timer.unref()
  }

  async check(): Promise<void> {
    const consents = new Set<HexDigest>()
    for (const { site } of this.#hub.sessions()) if (site !== undefined) consents.add(site.consent)
    if (consents.size === 0) return
    for (const [consent, why] of await this.#consents.ended([...consents], new Date(this.#now()))) {
      this.#hub.endAgentSessions(({ site }) => site?.consent === consent, CONSENT_ENDS[why])
      this.#log.info('embed.consent_ended', { why })
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
