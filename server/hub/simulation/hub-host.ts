import { bytesEqual } from '../../../kernel/digest.ts'
import type { UnsignedMessage } from '../../../kernel/protocol.ts'
import type { HubEffect, HubEvent } from '../core/events.ts'
import { type HubState, initialState } from '../core/state.ts'
import { step } from '../core/step.ts'
import { type Word, wordKey } from '../doubtful-shards.ts'
import { misdigestedShard, shapeFault } from '../result-shape.ts'
import { SimFinisher } from './finisher.ts'
import { checkState } from './invariants.ts'
import type { Network, SimHub } from './network.ts'
import { mayStandAlone } from './oracle.ts'
import { digestsOf, LEAF_MAX_BYTES } from './random.ts'
import { RoomWatch } from './room-watch.ts'
import type { Store } from './store.ts'
import type { StoredJob } from './stored-job.ts'

const TICK_MS = 1000

/** One hub process of a simulated network: the real core, and a shell that may die, stand still, or be told late. */
export class HubHost implements SimHub {
  readonly name: string
  readonly #world: Network
  readonly #store: Store
  readonly #clock_rate: number
  state: HubState | undefined
  /** Number of its present life, unique among all hubs. */
  life = 0
  #frozen_until_ms = 0
  #deferred: HubEvent[] = []
  #finisher: SimFinisher | undefined
  /** Commits of this life that have not been answered. */
  #committing = new Set<number>()
  /** Jobs that this life knows as paused. */
  #paused = new Set<string>()
  #room: RoomWatch | undefined

  constructor(name: string, world: Network, store: Store, clock_rate: number) {
    this.name = name
    this.#world = world
    this.#store = store
    this.#clock_rate = clock_rate
  }

  get isUp(): boolean {
    return this.state !== undefined
  }

  boot(): void {
    const { world, life } = { world: this.#world, life: this.#world.newLife() }
    this.life = life
    this.#deferred = []
    this.#paused = new Set()
    this.#committing = new Set()
    this.#room = new RoomWatch(world)
    this.#finisher = new SimFinisher(this, world, this.#store)
    this.#frozen_until_ms = 0
    const { seed, unstored_bytes } = world.scenario
    this.state = initialState(life, { draw_key: [seed, life], lease_shards: 4096, unstored_bytes })
    for (const stored of this.#store.jobs.values()) {
      if (stored.end !== undefined) continue
      this.tell(admission(stored))
      const isDrained = stored.chunks.every(({ isDone }) => isDone)
      if (isDrained && this.life === life) this.tell({ t: 'job.drained', job_id: stored.job.id })
      if (this.life !== life) return
      this.#lookUp(stored, this.#store.wrongWords())
    }
    world.after(TICK_MS, () => this.#tick(life))
  }

  #tick(life: number): void {
    if (life !== this.life || this.state === undefined) return
    const { scenario, random, queue } = this.#world
    if (random.chance(scenario.freezes)) {
      this.#frozen_until_ms = queue.now_ms + scenario.claim_ms * random.between(0.5, 2)
      this.#world.note(`${this.name} stands still`)
      this.#world.after(this.#frozen_until_ms - queue.now_ms, () => this.#thaw(life))
    }
    this.tell({ t: 'tick' })
    for (const job of this.state?.jobs.values() ?? []) {
      if (this.life !== life) return
      if (job.isExhausted && this.#store.hasChunks(job.id, queue.now_ms))
        this.tell({ t: 'chunks.available', job_id: job.id })
    }
    this.#world.after(TICK_MS, () => this.#tick(life))
  }

  #thaw(life: number): void {
    if (life !== this.life) return
    const deferred = this.#deferred
    this.#deferred = []
    for (const event of deferred) if (life === this.life) this.tell(event)
  }

  crash(): void {
    this.#world.note(`${this.name} CRASH`)
    this.#world.crashes++
    this.state = undefined
    this.life = 0
    this.#world.after(this.#world.random.between(100, 3000), () => this.boot())
  }

  /** Tells this life of the hub something later; a later life does not hear it. */
  later(delay_ms: number, event: () => HubEvent | undefined): void {
    const { life } = this
    this.#world.after(delay_ms, () => {
      if (life !== this.life) return
      const said = event()
      if (said !== undefined) this.tell(said)
    })
  }

  /** Asks the database, which answers when it is there. */
  #ask(delay_ms: number, answer: () => HubEvent | undefined): void {
    this.later(delay_ms, () => {
      const { away_ms, random } = this.#world
      if (away_ms === 0) return answer()
      this.#ask(away_ms + random.between(1, 200), answer)
      return undefined
    })
  }

  /** Asks the database when these commits have been answered. */
  #whenDurable(delay_ms: number, commits: readonly number[], answer: () => HubEvent | undefined): void {
    this.#ask(delay_ms, () => {
      const left = commits.filter((number) => this.#committing.has(number))
      if (left.length === 0) return answer()
      this.#whenDurable(50, left, answer)
      return undefined
    })
  }

  /** One step and its effects. @returns what the hub answers to a result */
  tell(event: HubEvent): 'received' | 'not_held' | undefined {
    const { state, life } = this
    const { now_ms } = this.#world.queue
    if (state === undefined) return undefined
    if (now_ms < this.#frozen_until_ms) {
      this.#deferred.push(event)
      return undefined
    }
    const checked = this.#checked(state, event)
    this.#world.note(`${this.name} ${checked.t} ${'lease_id' in checked ? checked.lease_id : ''}`)
    const next_lease = state.next_lease
    const effects = step(state, checked, now_ms * this.#clock_rate)
    this.#world.steps++
    this.#checkPaused(state, checked, effects, next_lease)
    // Another hub may not have heard of it yet.
    if (this.#world.hubs.length === 1) this.#checkAlone(effects)
    checkState(state, (message) => this.#world.fail(`${this.name}: ${message}`))
    this.#room?.look(state, checked, next_lease)
    let outcome: 'received' | 'not_held' | undefined
    for (const effect of effects) {
      if (this.#world.random.chance(this.#world.scenario.crashes)) {
        const { crashedBefore } = this.#world
        crashedBefore.set(effect.t, (crashedBefore.get(effect.t) ?? 0) + 1)
        this.crash()
        return undefined
      }
      if (effect.t === 'reply') outcome = effect.outcome
      else this.#perform(effect)
      if (this.life !== life) return undefined
    }
    return outcome
  }

  /** The shell's checks of a result by itself (server/hub/intake.ts), but for the signature and the op's invariants. */
  #checked(state: HubState, event: HubEvent): HubEvent {
    if (event.t !== 'result.received') return event
    const { session, lease_id, digests, leaves } = event
    const lease = state.leases.get(lease_id)
    if (lease === undefined || lease.session.id !== session) return event
    const { first, count } = lease
    const leaf = { kind: 'inline', max_bytes: LEAF_MAX_BYTES } as const
    const wrong = () => misdigestedShard(first, digests, digestsOf(leaves))
    const reason =
      shapeFault(event, { first, count, leaf }) ??
      (wrong() === undefined ? undefined : 'a leaf of another digest')
    if (reason === undefined) return event
    this.#world.broken++
    return { t: 'result.invalid', session, lease_id, reason }
  }

  /** The word of nobody who is on probation stands alone. */
  #checkAlone(effects: readonly HubEffect[]): void {
    for (const effect of effects) {
      if (effect.t !== 'persist' || !mayStandAlone(this.#store.get(effect.job_id).job.verify)) continue
      for (const { method, first, copies } of effect.runs)
        if (method === 'single' && copies.some(({ agent }) => this.#world.trust.isOnProbation(agent)))
          this.#world.fail(`shard ${first} of ${effect.job_id} rests on the word of an agent on probation`)
    }
  }

  /** From the step on in which a hub hears that a job is paused, it promises none of its shards. */
  #checkPaused(state: HubState, event: HubEvent, effects: readonly HubEffect[], next_lease: number): void {
    if (event.t === 'job.paused') this.#paused.add(event.job_id)
    if (event.t === 'job.admitted' && event.job.isPaused === true) this.#paused.add(event.job.id)
    if (event.t === 'job.resumed') this.#paused.delete(event.job_id)
    for (const effect of effects) {
      if (effect.t !== 'send' || effect.message.t !== 'lease') continue
      const lease = state.leases.get(effect.message.lease_id)
      // One that is offered again to an agent that has resumed was granted before.
      if (lease !== undefined && lease.number >= next_lease && this.#paused.has(lease.job.id))
        this.#world.fail(`${this.name}: lease ${lease.id} is of a paused job`)
    }
  }

  #perform(effect: Exclude<HubEffect, { t: 'reply' }>): void {
    const { random, scenario, queue } = this.#world
    const soon = random.between(1, 20)
    switch (effect.t) {
      case 'send':
        this.#checkSaid(effect.message)
        this.#world.deliver(this, effect.session, effect.message)
        return
      case 'persist':
        this.#commit(effect)
        return
      case 'withheld':
        return
      case 'referee.run':
        this.later(random.between(50, 500), () => this.#refereed(effect))
        return
      case 'referee.check': {
        const { request, shards, digests } = effect
        const { truth } = this.#store.get(effect.job_id)
        const part = (bytes: Uint8Array, at: number) => bytes.subarray(32 * at, 32 * at + 32)
        const wrong = shards.flatMap((shard, at) =>
          bytesEqual(part(truth, shard), part(digests, at)) ? [] : [at],
        )
        this.later(soon, () => ({ t: 'referee.checked', request, wrong }))
        return
      }
      case 'referee.recheck': {
        const { request, job_id, shards } = effect
        this.#whenDurable(random.between(50, 500), [...this.#committing], () => {
          this.#finisher?.rechecked(job_id, this.#store.recheck(job_id, shards))
          return { t: 'referee.rechecked', request }
        })
        return
      }
      case 'agents.passed':
        this.#world.trust.passed(effect.passed)
        return
      case 'agent.failed':
        this.#world.trust.failed(effect.agent, queue.now_ms)
        this.#store.doubt(effect.agent, effect.executor)
        this.#world.tellOthers(this, { ...effect, t: 'agent.distrusted' })
        return
      case 'word.doubted':
        for (const stored of this.#store.jobs.values())
          this.#lookUp(stored, new Map([[wordKey(effect), effect]]))
        return
      case 'chunk.claim': {
        const { job_id, wanted } = effect
        this.#ask(soon, () => ({
          t: 'chunks.claimed',
          job_id,
          ...this.#store.claim(job_id, wanted, queue.now_ms, scenario.claim_ms),
        }))
        return
      }
      case 'chunk.extend': {
        const { job_id, chunk, epoch } = effect
        this.#ask(soon, () =>
          this.#store.extend(job_id, chunk, epoch, queue.now_ms, scenario.claim_ms)
            ? undefined
            : { t: 'chunk.lost', job_id, chunk, epoch },
        )
        return
      }
      case 'chunk.return': {
        const { job_id, chunk, epoch } = effect
        this.#ask(soon, () => {
          this.#store.release(job_id, chunk, epoch)
          return undefined
        })
        return
      }
      case 'chunk.done': {
        const { job_id, chunk, epoch } = effect
        this.#ask(soon, () => {
          if (this.#store.done(job_id, chunk, epoch)) this.#world.tellAll({ t: 'job.drained', job_id })
          return undefined
        })
        return
      }
      case 'job.complete':
        this.#finisher?.finish(effect.job_id)
        return
      case 'session.dropped':
        this.#world.sessionDropped(effect.session)
        return
      case 'job.phase':
        return
      default:
        effect satisfies never
    }
  }

  /** Looks up what rests on these words, as the shell does (server/hub/doubt-desk.ts), and fails to now and then. */
  #lookUp({ job, end }: StoredJob, words: ReadonlyMap<string, Word>): void {
    const { random } = this.#world
    if (job.verify.mode === 'none' || end !== undefined || words.size === 0 || random.chance(0.2)) return
    this.#whenDurable(random.between(1, 200), [...this.#committing], () => {
      const spans = this.#finisher?.restingOn(job.id, words) ?? []
      return spans.length === 0 ? undefined : { t: 'job.doubted', job_id: job.id, spans }
    })
  }

  /** Nothing is called accepted before it is durable. */
  #checkSaid(message: UnsignedMessage): void {
    if (message.t !== 'accepted') return
    const told = this.#world.told(message.lease_id, message.shards)
    if (told > (this.#store.credited.get(message.lease_id) ?? 0))
      this.#world.fail(`lease ${message.lease_id} hears of shards that are not durable`)
  }

  #commit(persist: Extract<HubEffect, { t: 'persist' }>, number = this.#world.newCommit()): void {
    const { random, scenario } = this.#world
    this.#committing.add(number)
    const wait_ms = random.chance(scenario.outages)
      ? random.between(1000, 8000)
      : random.between(5, scenario.commit_ms)
    this.later(wait_ms, () => {
      const { away_ms } = this.#world
      if (away_ms > 0) {
        // Of what was on its way when the database failed over nobody knows whether it is there.
        if (random.chance(0.3)) this.#store.commit(number, persist)
        this.later(away_ms, () => {
          this.#commit(persist, number)
          return undefined
        })
        return undefined
      }
      // Lost on its way there or on its way back: it is tried again under the same number.
      const isUnknown = random.chance(scenario.unknown_commits)
      if (isUnknown && random.chance(0.5)) {
        this.#commit(persist, number)
        return undefined
      }
      const isStored = this.#store.commit(number, persist)
      if (isUnknown) {
        this.#commit(persist, number)
        return undefined
      }
      this.#committing.delete(number)
      const { job_id, chunk, epoch, shard_count, credits } = persist
      if (!isStored) return { t: 'chunk.lost', job_id, chunk, epoch }
      if (persist.canaries === undefined) this.#world.looked(job_id)
      return { t: 'committed', job_id, chunk, epoch, shard_count, credits }
    })
  }

  #refereed({ request, job_id, shards }: Extract<HubEffect, { t: 'referee.run' }>): HubEvent {
    this.#world.refereed += shards.length
    const { truth } = this.#store.get(job_id)
    const leaves = shards.map((shard) => truth.subarray(32 * shard, 32 * shard + 32))
    const digests = new Uint8Array(32 * shards.length)
    for (const [at, leaf] of leaves.entries()) digests.set(leaf, 32 * at)
    return { t: 'referee.done', request, digests, leaves }
  }
}

/** A simulated job's contract is known by the job's index. */
function contractHash(index: number): string {
  return String(index).padStart(64, '0')
}

function admission(stored: StoredJob): HubEvent {
  const {
    index: _,
    chunk_shards: __,
    cancelled_ms: ___,
    paused_ms: ____,
    pause_ms: _____,
    ...job
  } = stored.job
  return {
    t: 'job.admitted',
    job: {
      ...job,
      owner: stored.owner,
      shard_units: 100,
      leaf_max_bytes: LEAF_MAX_BYTES,
      inline_leaves: true,
      contract_hash: contractHash(stored.job.index),
      plan_digest: contractHash(stored.job.index),
      weight: 1,
      expires_ms: Number.POSITIVE_INFINITY,
      phase: 'planned',
      isPaused: stored.isPaused,
      looks_passed: stored.looks_passed,
      stopped_at: stored.stopped_at,
    },
  }
}
