import type { AcceptedShard } from '../../../kernel/acceptance.ts'
import { sha256, utf8ToBytes } from '../../../kernel/digest.ts'
import type { HubMessage } from '../../../kernel/protocol.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import { openEnd } from './looks.ts'
import {
  type Credit,
  type HubEffect,
  type HubEvent,
  type HubJob,
  type HubState,
  initialState,
  isAccepted,
} from './state.ts'
import { step } from './step.ts'

/**
 * A small world around the real core: simulated clock, agents, store and referee. Everything random comes from one
 * seed, so a failing seed replays exactly.
 */

export interface SimulatedJob {
  readonly id: string
  readonly shard_count: number
  readonly copies_needed: number
  readonly owner: string
  /** Looks of a job with a target; the last at all shards. Empty: it has none. */
  readonly look_ends: readonly number[]
}

/** Whether the look at this prefix stops the job: a pure function of its leaves. */
export function prefixStops(leaves: readonly Uint8Array[]): boolean {
  let sum = 0
  for (const leaf of leaves) sum += leaf[0] ?? 0
  return sum % 3 === 0
}

/** Shards that the job's result covers: the first look whose prefix stops it. */
export function expectedStop({ id, shard_count, look_ends }: SimulatedJob): number {
  const leaves = (end: number) => Array.from({ length: end }, (_, shard) => truth(id, shard))
  return look_ends.find((end) => prefixStops(leaves(end))) ?? shard_count
}

export interface SimulatedAgent {
  readonly agent: string
  readonly owner: string
  readonly executor: ExecutorKind
  /** Virtual milliseconds a shard. */
  readonly shard_ms: number
  /** Chance of a wrong digest, a lease never answered, and a lost connection, for each lease. */
  readonly lies: number
  readonly stalls: number
  readonly drops: number
}

export interface WorldOptions {
  readonly seed: number
  readonly jobs: readonly SimulatedJob[]
  readonly agents: readonly SimulatedAgent[]
  /** Chance that the hub dies at an effect. */
  readonly crashes: number
  readonly max_ms: number
}

interface Timed {
  readonly at_ms: number
  readonly order: number
  run(): void
}

/** mulberry32: a small generator for tests, uniform in [0, 1). */
export function generator(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export const truth = (job: string, shard: number): Uint8Array => sha256(utf8ToBytes(`${job}:${shard}`))

export class World {
  readonly #random: () => number
  readonly #options: WorldOptions
  readonly #queue: Timed[] = []
  /** What survives a crash: accepted shards by job. */
  readonly durable = new Map<string, Map<number, AcceptedShard>>()
  readonly settled = new Set<string>()
  /** Shards that each settled job's result covers. */
  readonly covered = new Map<string, number>()
  readonly log: string[] = []
  state: HubState = initialState(0)
  now_ms = 0
  lives = 0
  refereed = 0
  leases = 0
  /** Leases that a stop took back. */
  cancelled = 0
  #order = 0
  #sessions = 0

  constructor(options: WorldOptions) {
    this.#options = options
    this.#random = generator(options.seed)
    for (const job of options.jobs) this.durable.set(job.id, new Map())
  }

  /** Runs until every job is settled. @throws with the seed when time runs out or a rule breaks */
  run(): void {
    this.#boot()
    while (this.settled.size < this.#options.jobs.length) {
      const next = this.#queue.shift()
      if (next === undefined || next.at_ms > this.#options.max_ms) this.fail('the jobs did not finish')
      this.now_ms = next.at_ms
      next.run()
    }
  }

  fail(message: string): never {
    throw new Error(`seed ${this.#options.seed}: ${message}\n${this.log.slice(-40).join('\n')}`)
  }

  #boot(): void {
    this.lives++
    this.#queue.length = 0
    this.state = initialState(this.lives)
    this.state.now_ms = this.now_ms
    const life = this.lives
    for (const job of this.#options.jobs) {
      if (this.settled.has(job.id)) continue
      const accepted = [...(this.durable.get(job.id) ?? new Map()).keys()]
      this.#apply({
        t: 'job.admitted',
        job: {
          ...job,
          shard_units: 100,
          leaf_max_bytes: 64,
          inline_leaves: true,
          contract_hash: job.id.padEnd(64, '0'),
          plan_digest: job.id.padEnd(64, '1'),
          target: 'any',
          expires_ms: Number.POSITIVE_INFINITY,
          phase: 'planned',
          accepted,
          ...this.#looked(job),
        },
      })
    }
    const tick = () => {
      if (life !== this.lives) return
      this.#apply({ t: 'tick' })
      this.#after(250, tick)
    }
    this.#after(250, tick)
    for (const agent of this.#options.agents) this.#after(this.#random() * 2000, () => this.#connect(agent))
  }

  #connect(agent: SimulatedAgent): void {
    if (this.state.blocked.has(agent.agent)) return
    const id = `s${this.#sessions++}`
    this.#apply({
      t: 'session.joined',
      session: { id, agent: agent.agent, owner: agent.owner, executor: agent.executor, window: 2 },
      claimed_speed: undefined,
    })
    this.#apply({ t: 'session.listening', session: id, after_lease: 0 })
  }

  #apply(event: HubEvent): void {
    const life = this.lives
    if (event.t !== 'tick')
      this.log.push(`${this.now_ms.toFixed(0)} ${event.t} ${'lease_id' in event ? event.lease_id : ''}`)
    const { effects } = step(this.state, event, this.now_ms)
    this.#check()
    for (const effect of effects) {
      if (this.#random() < this.#options.crashes) {
        this.log.push(`${this.now_ms.toFixed(0)} CRASH before ${effect.t}`)
        this.#boot()
        return
      }
      this.#perform(effect)
      if (life !== this.lives) return
    }
  }

  #perform(effect: HubEffect): void {
    switch (effect.t) {
      case 'send':
        this.#heard(effect.session, effect.message)
        break
      case 'persist':
        this.#after(5 + this.#random() * 40, () => this.#commit(effect.job_id, effect.shards, effect.credits))
        break
      case 'referee.run':
        this.refereed++
        this.#after(300, () => {
          const digest = truth(effect.job_id, effect.shard)
          this.#apply({ t: 'referee.done', job_id: effect.job_id, shard: effect.shard, digest, leaf: digest })
        })
        break
      case 'job.complete':
        this.#after(10, () => {
          this.settled.add(effect.job_id)
          const job = this.state.jobs.get(effect.job_id)
          if (job !== undefined) this.covered.set(job.id, job.stopped_at ?? job.shard_count)
          this.#apply({ t: 'job.settled', job_id: effect.job_id })
        })
        break
      default:
    }
  }

  #commit(job_id: string, shards: readonly AcceptedShard[], credits: readonly Credit[]): void {
    const stored = this.durable.get(job_id)
    for (const accepted of shards) {
      if (stored?.has(accepted.shard) === true)
        this.fail(`shard ${accepted.shard} of ${job_id} was accepted twice`)
      stored?.set(accepted.shard, accepted)
    }
    const life = this.lives
    this.#apply({ t: 'committed', job_id, shard_count: shards.length, credits })
    const job = this.#options.jobs.find(({ id }) => id === job_id)
    if (job === undefined || life !== this.lives) return
    const { looks_passed, stopped_at } = this.#looked(job)
    if (looks_passed > 0) this.#apply({ t: 'job.looked', job_id, passed: looks_passed })
    if (stopped_at !== undefined && life === this.lives) this.#stop(job_id, stopped_at)
  }

  #stop(job_id: string, at_shard: number): void {
    for (const lease of this.state.leases.values()) if (lease.job_id === job_id) this.cancelled++
    this.#apply({ t: 'job.stopped', job_id, at_shard })
  }

  /** What the shell sees of a job's looks: the durable prefix alone decides. */
  #looked({ id, look_ends, shard_count }: SimulatedJob): Pick<HubJob, 'looks_passed' | 'stopped_at'> {
    const stored = this.durable.get(id) ?? new Map<number, AcceptedShard>()
    const leaves: Uint8Array[] = []
    let looks_passed = 0
    for (const end of look_ends) {
      for (let shard = leaves.length; shard < end; shard++) {
        const leaf = stored.get(shard)?.leaf
        if (leaf === undefined) return { looks_passed, stopped_at: undefined }
        leaves.push(leaf)
      }
      if (prefixStops(leaves)) return { looks_passed, stopped_at: end < shard_count ? end : undefined }
      looks_passed++
    }
    return { looks_passed, stopped_at: undefined }
  }

  #heard(session: string, message: HubMessage): void {
    if (message.t !== 'lease') return
    this.leases++
    const known = this.state.sessions.get(session)
    const agent = this.#options.agents.find((candidate) => candidate.agent === known?.agent)
    const lease = this.state.leases.get(message.lease_id)
    if (agent === undefined || lease === undefined) return
    if (this.#random() < agent.drops) {
      const isEnded = this.#random() < 0.2
      this.#after(this.#random() * 500, () =>
        this.#apply(
          isEnded
            ? { t: 'session.ended', session, reason: 'by its owner' }
            : { t: 'session.silent', session },
        ),
      )
      this.#after(this.#random() * 30_000, () => {
        if (this.state.sessions.has(session)) this.#apply({ t: 'session.listening', session, after_lease: 0 })
        else this.#connect(agent)
      })
      return
    }
    if (this.#random() < agent.stalls) return
    const digests = new Uint8Array(32 * message.count)
    const leaves: Uint8Array[] = []
    for (let offset = 0; offset < message.count; offset++) {
      const right = truth(lease.job_id, message.first + offset)
      const digest =
        this.#random() < agent.lies ? sha256(utf8ToBytes(`lie ${agent.agent} ${this.#random()}`)) : right
      digests.set(digest, 32 * offset)
      leaves.push(digest)
    }
    const result: HubEvent = { t: 'result.received', session, lease_id: message.lease_id, digests, leaves }
    this.#after(message.count * agent.shard_ms * (0.5 + this.#random()), () => {
      this.#apply(result)
      // A network may deliver twice.
      if (this.#random() < 0.05) this.#apply(result)
    })
  }

  #after(delay_ms: number, run: () => void): void {
    const life = this.lives
    const entry: Timed = {
      at_ms: this.now_ms + delay_ms,
      order: this.#order++,
      run: () => {
        if (life === this.lives) run()
      },
    }
    const later = this.#queue.findIndex((other) => other.at_ms > entry.at_ms)
    if (later < 0) this.#queue.push(entry)
    else this.#queue.splice(later, 0, entry)
  }

  /** The rules at the head of step.ts, on the state as it is. */
  #check(): void {
    for (const job of this.state.jobs.values()) {
      let next = 0
      let open = 0
      for (const segment of job.segments.all) {
        if (segment.first < next || segment.count < 1) this.fail(`segments overlap at ${segment.first}`)
        next = segment.first + segment.count
        open += segment.count
        const owners = new Set(segment.copies.map((copy) => copy.owner))
        if (owners.size !== segment.copies.length) this.fail('two copies of one owner')
        if (job.copies_needed > 1 && owners.has(job.owner))
          this.fail("the submitter's own agent holds a copy")
        if (segment.copies.length > job.copies_needed) this.fail('more copies than needed')
        for (let shard = segment.first; shard < next; shard++)
          if (isAccepted(job, shard)) this.fail(`shard ${shard} is accepted and open`)
        for (const copy of segment.copies) {
          if (copy.digests === undefined && !this.state.leases.has(copy.lease_id))
            this.fail(`copy of no lease ${copy.lease_id}`)
        }
      }
      for (const lease of this.state.leases.values()) {
        if (lease.job_id !== job.id) continue
        const end = lease.first + lease.count
        if (job.stopped_at !== undefined) this.fail(`lease ${lease.id} of a job that has stopped`)
        if (job.look_ends.some((look) => lease.first < look && look < end))
          this.fail(`lease ${lease.id} crosses a look`)
        if (end > openEnd(job)) this.fail(`lease ${lease.id} is beyond what is open`)
      }
      if (job.stopped_at !== undefined) {
        if (open > 0) this.fail('shards are open after the stop')
      } else if (open + job.accepted_count !== job.shard_count)
        this.fail(`${open} open and ${job.accepted_count} accepted of ${job.shard_count}`)
    }
    for (const lease of this.state.leases.values()) {
      if (this.state.sessions.get(lease.session)?.held.has(lease.id) !== true)
        this.fail(`lease ${lease.id} of no session`)
      if (!this.state.jobs.has(lease.job_id)) this.fail(`lease ${lease.id} of no job`)
    }
  }
}
