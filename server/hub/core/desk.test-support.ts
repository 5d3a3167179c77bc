import { sha256, utf8ToBytes } from '../../../kernel/digest.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { newStanding } from '../../../kernel/verification/reputation.ts'
import type { HubEffect, HubEvent } from './events.ts'
import { admittedJob } from './job.test-support.ts'
import { startedState } from './state.test-support.ts'
import type { HubLease } from './state.ts'
import { step } from './step.ts'
import { truth } from './truth.test-support.ts'
import type { VerifyPolicy } from './verify-policy.ts'

export const SHARDS = 64

/** One job in one chunk, and agents with a history, spoken to event by event. */
export class Desk {
  readonly state = startedState()
  readonly effects: HubEffect[] = []
  /** Those that `work` has answered. */
  readonly canaries: HubLease[] = []
  now_ms = 0

  constructor(verify: VerifyPolicy, shard_count = SHARDS) {
    this.say({
      t: 'job.admitted',
      job: admittedJob({ shard_count, verify }),
    })
    const chunk = { chunk: 0, first: 0, count: shard_count, epoch: 1, lease_ms: Number.POSITIVE_INFINITY }
    this.say({ t: 'chunks.claimed', job_id: 'job', chunks: [{ ...chunk, accepted: [] }], exhausted: true })
  }

  /** Everything that an event brings about, what is accepted durable at once. */
  say(event: HubEvent): readonly HubEffect[] {
    const effects = [...step(this.state, event, this.now_ms)]
    this.effects.push(...effects)
    for (const effect of [...effects]) {
      if (effect.t === 'persist') effects.push(...this.say({ ...effect, t: 'committed' }))
      if (effect.t === 'chunk.done') effects.push(...this.say({ t: 'job.drained', job_id: effect.job_id }))
      if (effect.t === 'word.doubted')
        effects.push(...this.say({ t: 'job.doubted', job_id: 'job', spans: this.#restingOn(effect) }))
    }
    return effects
  }

  /** What was accepted on the word of this agent alone. */
  #restingOn({ agent, executor }: { readonly agent: string; readonly executor: ExecutorKind }) {
    return this.of('persist').flatMap(({ runs }) =>
      runs.filter(
        ({ method, copies }) =>
          method === 'single' && copies.some((copy) => copy.agent === agent && copy.executor === executor),
      ),
    )
  }

  /**
   * @param checks that it has passed; undefined for an agent of which nothing is known
   * @param probation checks that it has to pass
   */
  join(name: string, checks?: number, probation = 0): readonly HubEffect[] {
    const standing = checks === undefined ? {} : { standing: newStanding(checks, probation, true) }
    this.say({
      t: 'session.joined',
      session: { id: name, agent: `key-${name}`, owner: `owner-${name}`, executor: 'cpu', window: 1 },
      claimed_speed: 1e9,
      ...standing,
    })
    return this.say({ t: 'session.listening', session: name, after_lease: 0 })
  }

  /** Gives back all leases of a session, until it has none; the shards in `lies`, and canaries where it says so, are wrong. */
  work(name: string, lies: readonly number[] | 'canaries' = [], most = Number.POSITIVE_INFINITY): void {
    for (let done = 0; done < most; done++) {
      const [lease] = this.state.sessions.get(name)?.held ?? []
      if (lease === undefined) return
      if (lease.canary !== undefined) this.canaries.push(lease)
      const isWrong = (shard: number) =>
        lies === 'canaries' ? lease.canary !== undefined : lies.includes(shard)
      const leaves = Array.from({ length: lease.count }, (_, offset) =>
        isWrong(lease.first + offset)
          ? sha256(utf8ToBytes(`lie ${lease.first + offset}`))
          : truth('job', lease.first + offset),
      )
      this.now_ms += 1000
      this.say({
        t: 'result.received',
        session: name,
        lease_id: lease.id,
        digests: digestsOf(leaves),
        leaves,
      })
    }
  }

  /** The referee answers what it was asked, the algebraic check included, until it is asked nothing more. */
  judge(): void {
    for (;;) {
      const asked = this.effects.filter(
        (effect) =>
          (effect.t === 'referee.run' && this.state.refereeing.has(effect.request)) ||
          (effect.t === 'referee.check' && this.state.refereeing.has(effect.request)) ||
          (effect.t === 'referee.recheck' && this.state.rechecking.has(effect.request)),
      )
      if (asked.length === 0) return
      for (const effect of asked) this.#answer(effect)
    }
  }

  #answer(effect: HubEffect): void {
    if (effect.t === 'referee.run') {
      const leaves = effect.shards.map((shard) => truth('job', shard))
      this.say({ t: 'referee.done', request: effect.request, digests: digestsOf(leaves), leaves })
    } else if (effect.t === 'referee.check') {
      const wrong = effect.shards.flatMap((shard, at) =>
        Buffer.from(truth('job', shard)).equals(effect.digests.subarray(32 * at, 32 * at + 32)) ? [] : [at],
      )
      this.say({ t: 'referee.checked', request: effect.request, wrong })
    } else if (effect.t === 'referee.recheck') {
      this.say({ t: 'referee.rechecked', request: effect.request })
    }
  }

  of<T extends HubEffect['t']>(t: T): readonly Extract<HubEffect, { t: T }>[] {
    return this.effects.filter((effect): effect is Extract<HubEffect, { t: T }> => effect.t === t)
  }

  /** Accepted shards by method. */
  accepted(): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const run of this.of('persist').flatMap(({ runs }) => runs))
      sums[run.method] = (sums[run.method] ?? 0) + run.count
    return sums
  }

  findings() {
    const sum = { ...NO_FINDINGS }
    for (const { findings } of this.of('persist'))
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += findings[key]
    return sum
  }

  passed(name: string): number {
    return this.of('agents.passed')
      .flatMap(({ passed }) => passed)
      .reduce((sum, { agent, valid }) => sum + (agent === `key-${name}` ? valid : 0), 0)
  }
}

function digestsOf(leaves: readonly Uint8Array[]): Uint8Array {
  const digests = new Uint8Array(32 * leaves.length)
  for (const [at, leaf] of leaves.entries()) digests.set(leaf, 32 * at)
  return digests
}
