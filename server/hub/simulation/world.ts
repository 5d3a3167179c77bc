import type { UnsignedMessage } from '../../../kernel/protocol.ts'
import type { HubEvent } from '../core/events.ts'
import { AgentHost } from './agent-host.ts'
import { EventQueue } from './event-queue.ts'
import { HubHost } from './hub-host.ts'
import type { Listener, Network, SimHub } from './network.ts'
import { mayStandAlone } from './oracle.ts'
import { Random } from './random.ts'
import { Reputations } from './reputations.ts'
import type { Scenario, SimJob } from './scenario.ts'
import { Store } from './store.ts'
import { expectedStop } from './stored-job.ts'

/** Virtual time in which every job must end. */
const MAX_MS = 3_600_000
const LOG_LINES = 60

/**
 * A whole network around the real core: hubs, agents, their network, clocks and database. Everything random comes from
 * one seed, so a failing seed replays exactly.
 */
export class World implements Network {
  readonly scenario: Scenario
  readonly random: Random
  readonly queue = new EventQueue()
  readonly hubs: readonly HubHost[]
  readonly store: Store
  readonly trust: Reputations
  readonly #agents: readonly AgentHost[]
  readonly #sessions = new Map<string, Listener>()
  readonly #told = new Map<string, number>()
  readonly #log: string[] = []
  #lives = 0
  #commits = 0
  steps = 0
  leases = 0
  crashes = 0
  refereed = 0
  broken = 0
  held_back = 0
  went_on = 0
  failovers = 0
  readonly crashedBefore = new Map<string, number>()
  #back_ms = 0

  constructor(scenario: Scenario) {
    this.scenario = scenario
    this.random = new Random(scenario.seed)
    this.store = new Store(scenario, (message) => this.fail(message))
    this.trust = new Reputations(scenario.agents)
    this.hubs = scenario.clock_rates.map((rate, at) => new HubHost(`hub${at}`, this, this.store, rate))
    this.#agents = scenario.agents.map((agent, number) => new AgentHost(agent, number, this))
  }

  /** Runs until every job has ended. @throws with the seed when a rule breaks or time runs out */
  run(): void {
    for (const hub of this.hubs) hub.boot()
    for (const agent of this.#agents) this.after(this.random.between(0, 2000), () => agent.connect())
    for (const job of this.scenario.jobs) this.#plan(job)
    for (let nth = 0; nth < this.scenario.failovers; nth++)
      this.after(this.random.between(0, 15_000), () => this.#failOver())
    if (this.scenario.owner_moves > 0) this.after(this.random.between(0, 6000), () => this.#moveOwner())
    while (!this.store.isOver) {
      let isRunning = false
      try {
        isRunning = this.queue.next()
      } catch (error) {
        this.fail(error instanceof Error ? error.message : String(error))
      }
      if (!isRunning || this.queue.now_ms > MAX_MS) this.#stuck()
    }
    for (const stored of this.store.jobs.values()) {
      const covered = stored.stopped_at ?? stored.job.shard_count
      if (stored.end === 'settled' && this.store.wrong === 0 && covered !== expectedStop(stored))
        this.fail(`${stored.job.id} covers ${covered} shards`)
    }
  }

  fail(message: string): never {
    if (message.startsWith('seed ')) throw new Error(message)
    throw new Error(`seed ${this.scenario.seed}: ${message}\n${this.#log.slice(-LOG_LINES).join('\n')}`)
  }

  #stuck(): never {
    for (const { job, end, accepted_count, chunks } of this.store.jobs.values())
      if (end === undefined) this.note(JSON.stringify({ ...job, accepted_count, chunks }))
    for (const { name, state } of this.hubs) {
      for (const job of state?.jobs.values() ?? []) {
        const { id, fresh_count, touched_count, leases, isClaiming, isExhausted } = job
        const open = [...job.chunks.values()].map(({ number, epoch }) => `${number}@${epoch}`).join(' ')
        this.note(
          `${name} ${JSON.stringify({ id, open, fresh_count, touched_count, leases, isClaiming, isExhausted })}`,
        )
      }
      for (const { id, owner, executor } of state?.sessions.values() ?? [])
        this.note(`${name} ${id} ${owner} ${executor}`)
    }
    return this.fail('the jobs do not end')
  }

  note(what: string): void {
    this.#log.push(`${this.queue.now_ms.toFixed(0)} ${what}`)
    if (this.#log.length > 10 * LOG_LINES) this.#log.splice(0, 9 * LOG_LINES)
  }

  after(delay_ms: number, run: () => void): void {
    this.queue.after(delay_ms, run)
  }

  get away_ms(): number {
    return Math.max(0, this.#back_ms - this.queue.now_ms)
  }

  /** Another server takes over the database, with all that was committed. */
  #failOver(): void {
    this.note('the database fails over')
    this.failovers++
    this.#back_ms = this.queue.now_ms + this.random.between(1000, 8000)
  }

  networkDelay(): number {
    return this.random.chance(this.scenario.delays)
      ? this.random.between(500, 4000)
      : this.random.between(1, 30)
  }

  newLife(): number {
    return ++this.#lives
  }

  newCommit(): number {
    return ++this.#commits
  }

  newSession(agent: Listener): string {
    const id = `s${this.#sessions.size}`
    this.#sessions.set(id, agent)
    return id
  }

  /** Adds to what the lease's agent has been told of. @returns all of it */
  told(lease_id: string, shards: number): number {
    const all = (this.#told.get(lease_id) ?? 0) + shards
    this.#told.set(lease_id, all)
    return all
  }

  deliver(hub: SimHub, session: string, message: UnsignedMessage): void {
    const { life } = hub
    this.after(this.networkDelay(), () => {
      if (hub.life === life) this.#sessions.get(session)?.hear(session, message)
    })
  }

  sessionDropped(session: string): void {
    this.#sessions.get(session)?.dropped(session)
  }

  /** At once, or when they next look. */
  tellOthers(hub: SimHub, event: HubEvent): void {
    for (const other of this.hubs) {
      if (other === hub) continue
      const isLost = this.random.chance(this.scenario.lost_messages)
      other.later(isLost ? this.random.between(1000, 4000) : this.random.between(1, 20), () => event)
    }
  }

  tellAll(event: HubEvent): void {
    for (const hub of this.hubs) hub.later(this.random.between(1, 20), () => event)
  }

  /** What the durable prefix of a job with a target says, told to every hub. */
  looked(job_id: string): void {
    const { looks_passed, stopped_at, job } = this.store.get(job_id)
    if (job.look_ends.length === 0) return
    this.tellAll({ t: 'job.looked', job_id, passed: looks_passed })
    if (stopped_at !== undefined) this.tellAll({ t: 'job.stopped', job_id, at_shard: stopped_at })
  }

  jobOf(contract_hash: string): {
    readonly truth: Uint8Array
    readonly job: SimJob
    readonly compares: boolean
  } {
    const { truth, job } = this.store.get(`job${Number(contract_hash)}`)
    const compares = job.verify.mode !== 'none' && !mayStandAlone(job.verify)
    return { truth, job, compares }
  }

  /** What the job's owner will do. */
  #plan({ id, cancelled_ms, paused_ms, pause_ms }: SimJob): void {
    if (cancelled_ms < MAX_MS) this.after(cancelled_ms, () => this.#cancel(id))
    if (paused_ms >= MAX_MS) return
    const set = (isPaused: boolean) => () => {
      this.store.get(id).isPaused = isPaused
      this.tellAll({ t: isPaused ? 'job.paused' : 'job.resumed', job_id: id })
    }
    this.after(paused_ms, set(true))
    // Later than the first word can come, so that no hub hears them in the wrong order.
    this.after(paused_ms + pause_ms + 25, set(false))
  }

  #cancel(job_id: string): void {
    const stored = this.store.get(job_id)
    stored.end ??= 'cancelled'
    this.tellAll({ t: 'job.cancelled', job_id })
  }

  /** A guest becomes somebody whose agents are at work already. */
  #moveOwner(): void {
    const [from, to] = ['submitter1', `owner${this.random.below(3)}`]
    for (const stored of this.store.jobs.values()) if (stored.owner === from) stored.owner = to
    for (const hub of this.hubs) hub.tell({ t: 'owner.moved', from, to })
  }
}
