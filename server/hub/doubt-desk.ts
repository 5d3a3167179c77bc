import type { ResultStore, StoredGroup } from '../memory/ports/results.ts'
import type { TrustStore } from '../memory/trust-store.ts'
import type { HubEvent } from './core/events.ts'
import type { ShardSpan } from './core/state.ts'
import { addDoubtful, type Word, wordKey } from './doubtful-shards.ts'
import type { JobRuntime } from './job-runtime.ts'
import type { JobTable } from './job-table.ts'
import type { HubLog } from './options.ts'

export interface DoubtDeskPorts {
  readonly epoch: number
  readonly results: Pick<ResultStore, 'loadOf'>
  readonly trust: Pick<TrustStore, 'failedSince'>
  readonly running: Pick<JobTable, 'all'>
  readonly log: HubLog
  tell(event: HubEvent): void
  /** Waits until what was accepted here is durable and folded. */
  durable(): Promise<void>
  /** Whether that epoch is another hub that is there: what it has accepted it looks into itself. */
  isOther(epoch: number): boolean
}

/**
 * Looks up which shards rest on the word alone of an agent that was found wrong, as soon as that is known, so that they are
 * executed again while the job goes on. What this misses, because the store does not answer, the hub dies or another hub
 * has accepted it, the finisher finds: it looks again before it settles a job (finisher.ts).
 */
export class DoubtDesk {
  readonly #ports: DoubtDeskPorts
  /** To be looked up. */
  #words = new Map<string, Word>()
  #looking = false

  constructor(ports: DoubtDeskPorts) {
    this.#ports = ports
  }

  /** The agent was found wrong, here or by another hub. */
  async doubt(word: Word): Promise<void> {
    this.#words.set(wordKey(word), word)
    if (this.#looking) return
    this.#looking = true
    while (this.#words.size > 0) {
      const words = this.#words
      this.#words = new Map()
      await this.#attempt(async () => {
        // What was accepted on its word a moment ago is on its way into the store.
        await this.#ports.durable()
        for (const runtime of this.#ports.running.all()) await this.#look(runtime, words)
      })
    }
    this.#looking = false
  }

  /** A job goes on that others, or an earlier life of this hub, have worked on. */
  async resume(runtime: JobRuntime): Promise<void> {
    if (runtime.singles.size === 0) return
    await this.#attempt(async () => {
      const failed = await this.#ports.trust.failedSince([...runtime.singles.values()], runtime.created_at)
      await this.#look(runtime, new Map(failed.map((word) => [wordKey(word), word])))
    })
  }

  async #look(runtime: JobRuntime, words: ReadonlyMap<string, Word>): Promise<void> {
    const { results, epoch, isOther, tell, log } = this.#ports
    const doubted = new Map([...words].filter(([key]) => runtime.singles.has(key)))
    if (doubted.size === 0) return
    const spans = await restingOn(
      results,
      runtime,
      doubted,
      (row) => row.epoch === epoch || !isOther(row.epoch),
    )
    // Who makes the result has looked himself.
    if (spans.length === 0 || runtime.finishing) return
    log('warn', 'shards of agents found wrong are executed again', { job: runtime.id })
    tell({ t: 'job.doubted', job_id: runtime.id, spans })
  }

  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.#ports.log(
        'warn',
        'what rests on the word of an agent found wrong is looked up when its job ends',
        {
          error: String(error),
        },
      )
    }
  }
}

/** Shards of a job that rest on one of these words alone and have not been executed again in this hub's life. */
export async function restingOn(
  results: Pick<ResultStore, 'loadOf'>,
  { id, rechecked }: Pick<JobRuntime, 'id' | 'rechecked'>,
  words: ReadonlyMap<string, Word>,
  wants?: (row: Pick<StoredGroup, 'epoch'>) => boolean,
): Promise<readonly ShardSpan[]> {
  const agents = [...new Set([...words.values()].map(({ agent }) => agent))]
  const spans: ShardSpan[] = []
  const isRechecked = (shard: number): boolean => rechecked.has(shard)
  for await (const { runs } of results.loadOf(id, agents, wants))
    for (const run of runs) addDoubtful(spans, run, words, isRechecked)
  return spans
}
