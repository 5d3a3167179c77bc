import { acceptedShard } from '../../../kernel/acceptance.ts'
import { sha256, utf8ToBytes } from '../../../kernel/digest.ts'
import type { AdmittedJob, HubEffect, HubEvent } from './events.ts'
import { admittedJob } from './job.test-support.ts'
import { startedState } from './state.test-support.ts'
import { step } from './step.ts'
import { truth } from './truth.test-support.ts'

type Range = readonly [first: number, count: number]

/** A hub at a chosen time, spoken to event by event. */
export class Conversation {
  readonly state = startedState()
  readonly #shards = new Map<string, { readonly count: number; readonly accepted: readonly Range[] }>()
  now_ms = 0
  /** Whether each job's shards are one chunk that is there at once. */
  hasQueue = true

  /** What the hub does, and does when each job's shards are one chunk. */
  say(event: HubEvent): readonly HubEffect[] {
    const effects = step(this.state, event, this.now_ms)
    return [...effects, ...effects.flatMap((effect) => this.#answerQueue(effect))]
  }

  #answerQueue(effect: HubEffect): readonly HubEffect[] {
    if (!this.hasQueue) return []
    if (effect.t === 'chunk.done') return this.say({ t: 'job.drained', job_id: effect.job_id })
    if (effect.t !== 'chunk.claim') return []
    const { job_id } = effect
    const published = this.#shards.get(job_id)
    this.#shards.delete(job_id)
    const chunk = { chunk: 0, first: 0, epoch: 1, lease_ms: Number.POSITIVE_INFINITY }
    const chunks = published === undefined ? [] : [{ ...chunk, ...published }]
    return this.say({ t: 'chunks.claimed', job_id, chunks, exhausted: true })
  }

  /** All copies of a job's open runs. */
  copies(job_id: string) {
    const chunks = [...(this.state.jobs.get(job_id)?.chunks.values() ?? [])]
    return chunks.flatMap(({ runs }) => [...runs].flatMap(({ copies }) => copies))
  }

  later(ms: number): readonly HubEffect[] {
    this.now_ms += ms
    return this.say({ t: 'tick' })
  }

  admit({ accepted = [], ...over }: Partial<AdmittedJob> & { readonly accepted?: readonly Range[] } = {}) {
    this.#shards.set(over.id ?? 'job', { count: over.shard_count ?? 4, accepted })
    return this.say({
      t: 'job.admitted',
      job: admittedJob({ shard_units: 1000, leaf_max_bytes: 64, expires_ms: 1_000_000, ...over }),
    })
  }

  enrol(
    id: string,
    owner: string,
    executor: 'webgpu' | 'cpu' = 'cpu',
    window = 1,
    offer: {
      readonly causes?: readonly string[]
      readonly memory_bytes?: number
      readonly network?: string
    } = {},
  ): void {
    this.say({
      t: 'session.joined',
      session: { id, agent: `key-${id}`, owner, executor, window, ...offer },
      claimed_speed: 1e9,
    })
  }

  listen(id: string): readonly HubEffect[] {
    return this.say({ t: 'session.listening', session: id, after_lease: 0 })
  }

  join(...[id, ...more]: Parameters<Conversation['enrol']>): readonly HubEffect[] {
    this.enrol(id, ...more)
    return this.listen(id)
  }

  /** Answers a lease with the right digests, or with wrong ones. */
  answer(lease_id: string, lie = ''): readonly HubEffect[] {
    const lease = this.state.leases.get(lease_id)
    if (lease === undefined) throw new Error(`no lease ${lease_id}`)
    const leaves = Array.from({ length: lease.count }, (_, offset) =>
      lie === '' ? truth(lease.job.id, lease.first + offset) : sha256(utf8ToBytes(`${lie}${offset}`)),
    )
    const digests = new Uint8Array(32 * lease.count)
    for (const [offset, leaf] of leaves.entries()) digests.set(leaf, 32 * offset)
    return this.say({ t: 'result.received', session: lease.session.id, lease_id, digests, leaves })
  }
}

export const leasesIn = (effects: readonly HubEffect[]) =>
  effects.flatMap((effect) =>
    effect.t === 'send' && effect.message.t === 'lease'
      ? [{ session: effect.session, ...effect.message }]
      : [],
  )
export const only = <T>(list: readonly T[]): T => {
  const [first] = list
  if (list.length !== 1 || first === undefined) throw new Error(`one element expected, not ${list.length}`)
  return first
}
export const acceptedIn = (effects: readonly HubEffect[]) =>
  effects.flatMap((effect) =>
    effect.t === 'persist'
      ? effect.runs.flatMap((run) =>
          Array.from({ length: run.count }, (_, offset) => acceptedShard(run, offset)),
        )
      : [],
  )
/** What the referee is asked for in place of a copy of the first shard. */
export const ASKED = { t: 'referee.run', request: 1, job_id: 'job', shards: [0] }
export const kinds = (effects: readonly HubEffect[]) => effects.map((effect) => effect.t)
