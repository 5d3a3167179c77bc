import { type ErrorCode, ForgeError } from '../kernel/errors.ts'
import type { EnrolOutput, HubMessage, ReleaseInput } from '../kernel/protocol.ts'
import { backoffMs } from './backoff.ts'
import { type Clock, cancelled, type Random, within } from './clock.ts'
import { type Enrolling, enrol } from './enrolment.ts'
import { asForgeError } from './failure.ts'
import { HubClient } from './hub-client.ts'
import type { HubTransport } from './hub-transport.ts'
import type { HubTrust } from './hub-trust.ts'
import { AGENT_LIMITS } from './limits.ts'
import type { SessionEvent } from './session-events.ts'

export interface LinkOptions extends Enrolling {
  readonly transport: HubTransport
  /** Transports to other hubs of the site, of those that one that stops has named. Absent: this host reaches none. */
  readonly transportsTo?: ((sockets: readonly string[]) => readonly HubTransport[]) | undefined
  readonly trust: HubTrust
  readonly clock: Clock
  readonly random: Random
  heard(event: SessionEvent): void
}

/** What a hub says about work; what it says about itself is the link's. */
export type WorkMessage = Exclude<HubMessage, { t: 'ended' | 'draining' }>

/** Whoever works for the hub at the other end. */
export interface LinkUser {
  message(message: WorkMessage, enrolment: EnrolOutput): void
  /** Whether leases are held. */
  isBusy(): boolean
  /** The hub does not know the enrolment any more. */
  forgotten(): void
}

/** A connection that lived this long was a good one: the next failure starts with a short delay again. */
const GOOD_CONNECTION_MS = 10_000

/** Answers to an enrolment that will be the same the next time. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set(['UNAUTHENTICATED', 'FORBIDDEN', 'MESSAGE_INVALID'])

interface Live {
  readonly hub: HubClient
  readonly enrolment: EnrolOutput
  /** Ends the connection; another one is opened then. */
  end(error: ForgeError): void
}

/** An agent's enrolment at a hub, kept over connections that break, and the calls that are made under it. */
export class HubLink {
  readonly #options: LinkOptions
  readonly #user: LinkUser
  readonly #onLive = new Set<() => void>()
  #enrolment: EnrolOutput | undefined
  #lastEventId: string | undefined
  #live: Live | undefined
  /** Hubs to try before the one that the session began with. */
  readonly #elsewhere: HubTransport[] = []
  /** The hub is about to stop: this session leaves it as soon as nothing is held. */
  #isLeaving = false
  /** Settles when it is known whether the enrolment's hub may give leases. */
  #trusted: Promise<void> | undefined
  /** The hub has ended this session for good, or is not to be trusted. */
  #dismissal: ForgeError | undefined

  constructor(options: LinkOptions, user: LinkUser) {
    this.#options = options
    this.#user = user
  }

  /** The key of the present enrolment's hub, once it is known to be the hub's own; undefined without an enrolment. */
  async trustedKey(): Promise<EnrolOutput['hub_key'] | undefined> {
    const key = this.#enrolment?.hub_key
    await this.#trusted
    return key
  }

  /**
   * Stays connected until `link` aborts.
   * @throws ForgeError UNAUTHENTICATED, FORBIDDEN or MESSAGE_INVALID when the hub refuses this agent for good or ends its session
   */
  async stay(link: AbortSignal): Promise<void> {
    const { clock, random, heard } = this.#options
    for (let attempt = 0; ; attempt++) {
      heard({ t: 'connecting' })
      const startedAt = clock.now()
      const { error, final } = await this.#connection(link).catch((thrown: unknown) => ({
        error: asForgeError(thrown),
        final: false,
      }))
      if (link.aborted) return
      if (final) throw error
      if (clock.now() - startedAt >= GOOD_CONNECTION_MS) attempt = 0
      const retry_ms = this.#isLeaving ? random() * AGENT_LIMITS.move_within_ms : backoffMs(attempt, random)
      this.#isLeaving = false
      heard({ t: 'waiting', error, retry_ms })
      await clock.sleep(retry_ms, link).catch(() => undefined)
      if (link.aborted) return
    }
  }

  /** One connection from its opening to its end. @returns why it ended, and whether trying again is of no use */
  async #connection(link: AbortSignal): Promise<{ readonly error: ForgeError; readonly final: boolean }> {
    const { clock, heard } = this.#options
    const other = this.#elsewhere.shift()
    const transport = other ?? this.#options.transport
    let end: (error: ForgeError) => void = () => {}
    const ended = new Promise<ForgeError>((resolve) => {
      end = resolve
    })
    const connection = await transport.connect(end, link)
    const onAbort = () => end(cancelled(link))
    link.addEventListener('abort', onAbort, { once: true })
    try {
      const hub = new HubClient(connection, clock)
      if (this.#enrolment === undefined) {
        try {
          this.#enrolment = await enrol(hub, this.#options, link)
        } catch (thrown) {
          const error = asForgeError(thrown)
          // What another hub's address leads to says nothing of the site.
          return { error, final: other === undefined && REFUSALS.has(error.code) }
        }
      }
      const enrolment = this.#enrolment
      const hear = (id: string, message: HubMessage) => {
        this.#lastEventId = id
        this.#hear(message, enrolment, end)
      }
      const unsubscribe = hub.leases(enrolment.session, this.#lastEventId, hear, end)
      this.#checkHub(enrolment, link, (error) => {
        if (other !== undefined) this.#forget()
        else if (REFUSALS.has(error.code)) this.#dismissal = error
        end(error)
      })
      this.#live = { hub, enrolment, end }
      for (const wake of this.#onLive) wake()
      heard({ t: 'live', enrolment })
      const error = await ended
      unsubscribe()
      if (this.#dismissal !== undefined) return { error: this.#dismissal, final: true }
      if (error.code === 'UNAUTHENTICATED' || error.code === 'LEASE_UNKNOWN') this.#forget()
      return { error, final: false }
    } finally {
      this.#live = undefined
      link.removeEventListener('abort', onAbort)
      connection.close()
    }
  }

  /** Whether the hub's key is its own is found out while the first leases come: none is executed before. */
  #checkHub(enrolment: EnrolOutput, link: AbortSignal, failed: (error: ForgeError) => void): void {
    const trusted = this.#trusted ?? this.#options.trust.check(enrolment.hub_key, link)
    this.#trusted = trusted
    trusted.catch((thrown: unknown) => {
      if (this.#trusted === trusted) this.#trusted = undefined
      failed(asForgeError(thrown))
    })
  }

  #hear(message: HubMessage, enrolment: EnrolOutput, end: (error: ForgeError) => void): void {
    switch (message.t) {
      case 'draining':
        this.#isLeaving = true
        this.#elsewhere.splice(0, Infinity, ...(this.#options.transportsTo?.(message.to) ?? []))
        this.leaveIfDone()
        return
      case 'ended':
        this.#dismissal = new ForgeError('FORBIDDEN', message.reason)
        end(this.#dismissal)
        return
      default:
        this.#user.message(message, enrolment)
    }
  }

  /** Leaves a hub that is about to stop, when nothing is held. Another hub does not know this session: there it enrols. */
  leaveIfDone(): void {
    if (!this.#isLeaving || this.#user.isBusy() || this.#live === undefined) return
    const { end } = this.#live
    this.#forget()
    end(new ForgeError('UNAVAILABLE', 'the hub is about to stop'))
  }

  /**
   * A call of the present enrolment, tried again over new connections until `signal` aborts.
   * @throws ForgeError LEASE_UNKNOWN when the hub starts anew meanwhile: what was asked for belongs to the past
   */
  async call<T>(
    signal: AbortSignal,
    work: (hub: HubClient, enrolment: EnrolOutput, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.#options
    const bound = this.#enrolment
    for (let attempt = 0; ; attempt++) {
      const live = await this.#whenLive(signal)
      if (live.enrolment !== bound) throw new ForgeError('LEASE_UNKNOWN', 'the hub has started anew')
      try {
        return await work(live.hub, live.enrolment, signal)
      } catch (thrown) {
        const error = asForgeError(thrown)
        if (error.code === 'UNAUTHENTICATED') live.end(error)
        if (signal.aborted || !error.retryable) throw error
      }
      await clock.sleep(backoffMs(attempt, random), signal)
    }
  }

  async #whenLive(signal: AbortSignal): Promise<Live> {
    for (;;) {
      if (signal.aborted) throw cancelled(signal)
      if (this.#live !== undefined) return this.#live
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#onLive.delete(wake)
          signal.removeEventListener('abort', wake)
          resolve()
        }
        this.#onLive.add(wake)
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }

  /** Best effort: a hub that does not hear of it finds out when the connection ends or the deadline passes. */
  async giveBack(lease_ids: string[], reason: ReleaseInput['reason'], detail?: string): Promise<void> {
    const live = this.#live
    if (live === undefined || lease_ids.length === 0) return
    const { clock } = this.#options
    const { session } = live.enrolment
    const more = detail === undefined ? {} : { detail: detail.slice(0, 300) }
    const late = () => new ForgeError('UNAVAILABLE', 'the hub did not take the leases back in time')
    const timeout = new AbortController()
    const release = live.hub.release({ session, lease_ids, reason, ...more }, timeout.signal)
    await within(clock, AGENT_LIMITS.release_timeout_ms, late, release).catch(() => undefined)
    timeout.abort()
  }

  #forget(): void {
    this.#enrolment = undefined
    this.#trusted = undefined
    this.#lastEventId = undefined
    this.#user.forgotten()
  }
}
