import type { HubEvent } from '../core/events.ts'
import type { ShardSpan } from '../core/state.ts'
import { addDoubtful, doubtedWords, type Word } from '../doubtful-shards.ts'
import type { Network, SimHub } from './network.ts'
import type { Basis } from './oracle.ts'
import type { Store } from './store.ts'

interface Host extends SimHub {
  later(delay_ms: number, event: () => HubEvent | undefined): void
}

/**
 * How one life of a hub in a simulated network ends jobs: the protocol of server/hub/finisher.ts, with its decisions about
 * which shards are doubtful.
 */
export class SimFinisher {
  readonly #host: Host
  readonly #world: Network
  readonly #store: Store
  /** By job: incidents that have been looked into, and shards that have been executed again, in this life. */
  readonly #examined = new Map<string, Set<number>>()
  readonly #rechecked = new Map<string, Set<number>>()

  constructor(host: Host, world: Network, store: Store) {
    this.#host = host
    this.#world = world
    this.#store = store
  }

  rechecked(job_id: string, shards: readonly number[]): void {
    const known = this.#rechecked.get(job_id) ?? new Set()
    this.#rechecked.set(job_id, known)
    for (const shard of shards) known.add(shard)
  }

  /** Reads what there is, has doubtful shards executed again first, and settles if nothing has changed meanwhile. */
  finish(job_id: string): void {
    const { random } = this.#world
    this.#whenThere(random.between(1, 200), () => {
      const basis = this.#store.basis(job_id)
      const spans = this.#doubtful(job_id, basis)
      if (spans.length > 0) return { t: 'job.doubted', job_id, spans }
      this.#whenThere(random.between(1, 500), () => this.#settle(job_id, basis))
      return undefined
    })
  }

  #doubtful(job_id: string, { incidents }: Basis): readonly ShardSpan[] {
    const examined = this.#examined.get(job_id) ?? new Set()
    this.#examined.set(job_id, examined)
    return this.restingOn(job_id, doubtedWords(incidents, examined))
  }

  /** Shards that rest on one of these words alone and have not been executed again in this life. */
  restingOn(job_id: string, words: ReadonlyMap<string, Word>): readonly ShardSpan[] {
    const spans: ShardSpan[] = []
    const isRechecked = (shard: number): boolean => this.#rechecked.get(job_id)?.has(shard) === true
    for (const run of this.#store.singleRuns(job_id)) addDoubtful(spans, run, words, isRechecked)
    return spans
  }

  #settle(job_id: string, basis: Basis): undefined {
    if (this.#store.settle(job_id, basis)) this.#world.tellAll({ t: 'job.settled', job_id })
    else this.finish(job_id)
    return undefined
  }

  #whenThere(delay_ms: number, answer: () => HubEvent | undefined): void {
    this.#host.later(delay_ms, () => {
      const { away_ms } = this.#world
      if (away_ms === 0) return answer()
      this.#whenThere(away_ms, answer)
      return undefined
    })
  }
}
