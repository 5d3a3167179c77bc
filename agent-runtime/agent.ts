import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry } from '../kernel/job.ts'
import { strictly } from '../kernel/ledger/strict-ed25519.ts'
import type { SiteEnrolment } from '../kernel/protocol.ts'
import type { BlobTransport } from './blobs.ts'
import { type Clock, type Random, throwIfAborted } from './clock.ts'
import { asForgeError } from './failure.ts'
import { Governor, type GovernorSettings, threadsMax } from './governor.ts'
import { type HubAddress, otherSockets, parseHubAddress } from './hub-address.ts'
import type { HubTransport } from './hub-transport.ts'
import type { HubTrust } from './hub-trust.ts'
import { type Identity, type KeyStore, openIdentity } from './identity.ts'
import { type PendingRotation, pendingRotation } from './key-rotation.ts'
import { AGENT_LIMITS } from './limits.ts'
import { probeReports } from './probe-summary.ts'
import {
  type ExecutorChoice,
  type ExecutorHost,
  type ExecutorReport,
  type SelectedExecutor,
  type Selection,
  selectExecutor,
} from './select.ts'
import type { Sensors } from './sensors.ts'
import { Session } from './session.ts'
import type { SessionEvent } from './session-events.ts'
import { Speedometer } from './speedometer.ts'
import type { AgentEvent, AgentStatus } from './status.ts'
import { webVerifySignature } from './verify-signature.ts'

/** What the agent needs of its host: a tab's worker, or Node. */
export interface AgentHost {
  readonly executors: ExecutorHost
  /** Cores of the device, as far as its host tells. */
  readonly cores: number
  readonly sensors: Sensors
  /** Where the agent's key is kept; each partner's site has a key of its own. */
  keys(siteKey: string | undefined): KeyStore
  readonly registry: OpRegistry
  readonly clock: Clock
  readonly random: Random
  readonly software: string
  /** @param socket `ws:` or `wss:` address */
  transport(socket: string): HubTransport
  /** Whether this host reaches hubs at other addresses than its site's. A page may not. */
  readonly reachesOtherHubs: boolean
  /** @param origin of the site that serves the hub */
  blobs(origin: string): BlobTransport
  /** Whether a hub's key is the one of its site. */
  trust(origin: string): HubTrust
}

export interface StartOptions {
  readonly executor: ExecutorChoice
  /** Address of the site, or of its hub's socket. */
  readonly hubUrl: string
  /** Names the owner; without one the owner is the agent's network. */
  readonly ownerToken?: string | undefined
  /** The partner's site in whose page this agent runs, with the visitor's consent. */
  readonly site?: SiteEnrolment | undefined
  /** Families of ops that the contributor chose; undefined: all. */
  readonly causes?: readonly string[] | undefined
  /** Shown beside the executor's label. */
  readonly name?: string | undefined
}

const IDLE: Omit<AgentStatus, 'settings' | 'threads_max'> = {
  state: 'idle',
  reason: null,
  executor: null,
  probe: [],
  agent_id: null,
  owner: null,
  current: null,
  shards_done: 0,
  shards_accepted: 0,
  leases_returned: 0,
  shards_per_s: 0,
  work_units_per_s: 0,
  events: [],
}

/**
 * An agent: governor, executor and session behind one observable status. It executes nothing before `start`, which is
 * the owner's consent, and nothing after `pause` or `stop` but the dispatch that is on the device.
 */
export class Agent {
  readonly #host: AgentHost
  readonly #governor: Governor
  readonly #watchers = new Set<(status: AgentStatus) => void>()
  readonly #speed = new Speedometer()
  /** Speeds of executors that were timed in this visit. */
  readonly #timed: Selection['known'] = new Map()
  readonly #rotations = new WeakSet<PendingRotation>()
  #status: AgentStatus
  #events = 0
  #running: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined

  constructor(host: AgentHost) {
    this.#host = host
    this.#governor = new Governor(host.sensors, host.cores)
    const { settings } = this.#governor
    this.#status = { ...IDLE, settings, threads_max: threadsMax(host.cores) }
  }

  get status(): AgentStatus {
    return { ...this.#status, ...this.#speed.rates(this.#host.clock.now()) }
  }

  /** @returns stops the watching. `changed` hears the present status at once. */
  subscribe(changed: (status: AgentStatus) => void): () => void {
    this.#watchers.add(changed)
    changed(this.status)
    return () => {
      this.#watchers.delete(changed)
    }
  }

  /**
   * Starts taking part; returns at once. The status tells the rest.
   * @throws ForgeError CONFLICT when it is started already; CONTRACT_INVALID for a hub address that is none
   */
  start(options: StartOptions): void {
    if (this.#running !== undefined) throw new ForgeError('CONFLICT', 'the agent is started already')
    const address = parseHubAddress(options.hubUrl)
    const stop = new AbortController()
    this.#governor.resume()
    const { events } = this.#status
    this.#set({ ...IDLE, events, state: 'probing' })
    const ended = this.#main(options, address, stop.signal).then(
      () => this.#set({ state: 'idle', reason: null, current: null }),
      (thrown: unknown) => this.#end(thrown, stop.signal),
    )
    this.#running = { stop, ended: ended.finally(() => (this.#running = undefined)) }
  }

  pause(): void {
    this.#governor.pause()
  }

  resume(): void {
    this.#governor.resume()
  }

  configure(settings: Partial<GovernorSettings>): void {
    this.#governor.configure(settings)
    this.#set({ settings: this.#governor.settings })
  }

  /** Gives held leases back and ends. Resolves when nothing runs any more. */
  async stop(): Promise<void> {
    const running = this.#running
    running?.stop.abort('stopped')
    await running?.ended
  }

  async #main(options: StartOptions, address: HubAddress, stop: AbortSignal): Promise<void> {
    const keys = this.#host.keys(options.site?.site_key)
    const rotation = await pendingRotation(keys)
    const identity = rotation?.identity ?? (await openIdentity(keys))
    this.#set({ agent_id: identity.keyId })
    if (identity.note !== undefined) this.#note('info', identity.note)
    let choice = options.executor
    let switchedOff: string | undefined
    for (;;) {
      const selected = await this.#select(choice, stop)
      const { kind, label } = selected.executor
      const why = switchedOff ?? selected.why
      this.#set({ executor: { kind, label, why } })
      this.#note('info', `Computing on ${kind === 'webgpu' ? 'the GPU' : 'the CPU'}: ${label}, ${why}.`)
      try {
        await this.#takePart(selected, { identity, rotation }, options, address, stop)
        return
      } catch (thrown) {
        const error = asForgeError(thrown)
        // A GPU that fails is switched off for this start; the CPU takes over where the owner left the choice open.
        if (error.code !== 'EXECUTOR_FAILED' || choice !== 'auto' || kind !== 'webgpu' || stop.aborted)
          throw error
        this.#note('problem', `The GPU was switched off: ${error.message}`)
        const probe = this.#status.probe.map((report) =>
          report.kind === 'webgpu' ? { ...report, ok: false, reason: error.message } : report,
        )
        this.#set({
          probe: probe.filter((report) => report.kind === 'webgpu'),
          state: 'probing',
          executor: null,
        })
        choice = 'cpu'
        switchedOff = 'the GPU was switched off'
      } finally {
        await selected.executor.close()
      }
    }
  }

  /** Probing is computing, too: it begins when the governor lets it, and is begun again when it was interrupted. */
  async #select(choice: ExecutorChoice, stop: AbortSignal): Promise<SelectedExecutor> {
    const { clock, registry, executors } = this.#host
    const { probe } = this.#status
    const selection: Selection = { choice, threads: () => this.#governor.threads, known: this.#timed }
    for (;;) {
      const { verdict } = this.#governor
      if (!verdict.go) {
        this.#set({ state: verdict.state, reason: verdict.reason })
        await this.#verdictChange(stop)
        throwIfAborted(stop)
        continue
      }
      this.#set({ state: 'probing', reason: null, probe })
      const report = (found: ExecutorReport) => this.#set({ probe: [...this.#status.probe, found] })
      try {
        return await this.#whileAllowed(stop, (signal) =>
          selectExecutor(selection, executors, registry, clock, report, signal),
        )
      } catch (thrown) {
        if (stop.aborted || asForgeError(thrown).code !== 'CANCELLED') throw thrown
      }
    }
  }

  /** One session, run whenever the governor lets it. */
  async #takePart(
    selected: SelectedExecutor,
    { identity, rotation }: { readonly identity: Identity; readonly rotation: PendingRotation | undefined },
    options: StartOptions,
    address: HubAddress,
    stop: AbortSignal,
  ): Promise<void> {
    const host = this.#host
    const trust = host.trust(address.origin)
    const session = new Session({
      transport: host.transport(address.socket),
      transportsTo: host.reachesOtherHubs
        ? (told) => otherSockets(address, told).map((socket) => host.transport(socket))
        : undefined,
      blobs: host.blobs(address.origin),
      executor: selected.executor,
      identity,
      succeeds: rotation?.succeeds,
      trust: {
        // It is checked after the enrolment, which told the hub of a new key.
        check: async (key, signal) => {
          await trust.check(key, signal)
          await this.#rotated(rotation)
        },
      },
      verifySignature: strictly(webVerifySignature()),
      registry: host.registry,
      clock: host.clock,
      random: host.random,
      software: host.software,
      ownerToken: options.ownerToken,
      site: options.site,
      causes: options.causes,
      name: options.name,
      speed: selected.speed,
      probe: probeReports(this.#status.probe),
      intensity: () => this.#governor.intensity,
      heard: (event) => this.#hear(event),
    })
    try {
      while (!stop.aborted) {
        const { verdict } = this.#governor
        if (verdict.go) {
          await this.#whileAllowed(stop, (signal) =>
            session.run(signal, () => (stop.aborted ? 'stopped' : 'paused')),
          )
        } else {
          this.#set({ state: verdict.state, reason: verdict.reason, current: null })
          this.#note('info', verdict.reason)
          await this.#verdictChange(stop)
        }
      }
    } finally {
      session.close()
    }
  }

  /** The hub has taken the new key. Told again of the same one it says nothing, so a failure here is made good later. */
  async #rotated(rotation: PendingRotation | undefined): Promise<void> {
    if (rotation === undefined || this.#rotations.has(rotation)) return
    this.#rotations.add(rotation)
    try {
      await rotation.finish()
      this.#note('info', 'This agent has a new key. The hub refuses the old one from now on.')
    } catch (thrown) {
      this.#note('problem', `The new key could not be put in place: ${asForgeError(thrown).message}`)
    }
  }

  async #whileAllowed<T>(stop: AbortSignal, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const period = new AbortController()
    const unwatch = this.#governor.watch(() => {
      const { verdict } = this.#governor
      if (!verdict.go) period.abort(verdict.reason)
    })
    const onStop = () => period.abort('stopped')
    stop.addEventListener('abort', onStop, { once: true })
    try {
      return await work(period.signal)
    } finally {
      unwatch()
      stop.removeEventListener('abort', onStop)
    }
  }

  #verdictChange(stop: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        unwatch()
        stop.removeEventListener('abort', done)
        resolve()
      }
      const unwatch = this.#governor.watch(done)
      stop.addEventListener('abort', done, { once: true })
    })
  }

  #hear(event: SessionEvent): void {
    const { current, shards_done, shards_accepted, leases_returned } = this.#status
    switch (event.t) {
      case 'connecting':
        this.#set({ state: 'connecting' })
        return
      case 'live':
        this.#set({ state: 'running', reason: null, owner: event.enrolment.owner })
        return
      case 'waiting': {
        const seconds = (event.retry_ms / 1000).toFixed(1)
        this.#set({ state: 'connecting', reason: `${event.error.message}. Trying again in ${seconds} s.` })
        this.#note('problem', event.error.message)
        return
      }
      case 'started':
        this.#set({ current: { op: event.op, first: event.first, count: event.count, done: 0 } })
        return
      case 'shard':
        this.#speed.mark(this.#host.clock.now(), event.work_units)
        this.#set({
          shards_done: shards_done + 1,
          current: current === null ? null : { ...current, done: current.done + 1 },
        })
        return
      case 'returned':
        this.#set({ leases_returned: leases_returned + 1, current: null })
        this.#note(
          'work',
          event.held
            ? `${event.count} shards of ${current?.op ?? 'a job'} returned after ${(event.elapsed_ms / 1000).toFixed(1)} s.`
            : `${event.count} shards came back too late and were not counted.`,
        )
        return
      case 'dropped':
        if (event.running) this.#set({ current: null })
        this.#note('info', `A lease was dropped: ${event.reason}.`)
        return
      case 'accepted':
        this.#set({ shards_accepted: shards_accepted + event.shards })
        return
      case 'rejected':
        this.#note('problem', `The hub refused a result: ${event.reason}`)
        return
      case 'lease_failed':
        this.#set({ current: null })
        this.#note('problem', `A lease failed: ${event.error.message}`)
        return
      default:
        event satisfies never
    }
  }

  #end(thrown: unknown, stop: AbortSignal): void {
    if (stop.aborted) {
      this.#set({ state: 'idle', reason: null, current: null })
      return
    }
    const error = asForgeError(thrown)
    const reason = error.hint === undefined ? error.message : `${error.message}. ${error.hint}`
    this.#note('problem', reason)
    this.#set({ state: 'failed', reason, current: null, executor: null })
  }

  #note(kind: AgentEvent['kind'], text: string): void {
    const event = { id: ++this.#events, at: this.#host.clock.wallTime(), kind, text }
    this.#set({ events: [...this.#status.events, event].slice(-AGENT_LIMITS.events_kept) })
  }

  #set(change: Partial<AgentStatus>): void {
    this.#status = { ...this.#status, ...change }
    const status = this.status
    for (const changed of [...this.#watchers]) changed(status)
  }
}
