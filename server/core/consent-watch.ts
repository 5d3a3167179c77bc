import type { HexDigest } from '../../kernel/digest.ts'
import type { ConsentStore } from '../memory/embed-ports.ts'
import type { HubControl } from './hub-port.ts'
import type { Log } from './log.ts'

const CHECK_EVERY_MS = 1_000

/**
 * Ends the sessions of embedded agents whose consent no longer holds: stopped, expired, or its site switched off. It asks
 * the database every second, so that it is right whoever changed the row; `check` asks at once.
 */
export class ConsentWatch {
  readonly #consents: ConsentStore
  readonly #hub: HubControl
  readonly #log: Log
  readonly #now: () => number
  readonly #timer: ReturnType<typeof setInterval>

  /** @param options.now milliseconds since 1970 */
  constructor(options: {
    readonly consents: ConsentStore
    readonly hub: HubControl
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
    const holding = await this.#consents.holding([...consents], new Date(this.#now()))
    const ended = this.#hub.endAgentSessions(
      // Those that enrolled meanwhile were checked then, and are asked about the next time.
      ({ site }) => site !== undefined && consents.has(site.consent) && !holding.has(site.consent),
      'the consent to compute in this page has ended',
    )
    if (ended > 0) this.#log.info('embed.sessions_ended', { ended })
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
