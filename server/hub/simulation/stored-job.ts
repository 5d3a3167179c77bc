import { type Word, wordKey } from '../doubtful-shards.ts'
import { digestOf } from './random.ts'
import type { SimJob } from './scenario.ts'

/** One job in the database of a simulated network, and what may be read of its rows. */

interface StoredChunk {
  epoch: number
  expires_ms: number
  isDone: boolean
}

export interface StoredJob {
  readonly job: SimJob
  owner: string
  readonly truth: Uint8Array
  readonly isAccepted: Uint8Array
  accepted_count: number
  readonly chunks: StoredChunk[]
  looks_passed: number
  stopped_at: number | undefined
  end: 'settled' | 'cancelled' | undefined
  isPaused: boolean
  /** By shard: on whose word alone it was accepted, and whether it is right as it stands. */
  readonly single: (Word | undefined)[]
  /** Shards whose one word is that of an agent found wrong, until they are executed again. */
  readonly doubted: Set<number>
  /** Shards that the referee has executed again since they were accepted. */
  readonly rechecked: Set<number>
  readonly isWrong: Uint8Array
  /** Shards that were found wrong and replaced. */
  corrections: number
  /** Chargeable copies that are durable, and that the accepted shards have. */
  paid: number
}

/** A job that nobody has begun. */
export function storedJob(job: SimJob): StoredJob {
  const truth = new Uint8Array(32 * job.shard_count)
  for (let shard = 0; shard < job.shard_count; shard++) truth.set(digestOf(job.index, shard, 0), 32 * shard)
  return {
    job,
    owner: job.owner,
    truth,
    isAccepted: new Uint8Array(job.shard_count),
    accepted_count: 0,
    chunks: Array.from({ length: Math.ceil(job.shard_count / job.chunk_shards) }, () => ({
      epoch: 0,
      expires_ms: 0,
      isDone: false,
    })),
    looks_passed: 0,
    stopped_at: undefined,
    end: undefined,
    isPaused: false,
    single: [],
    doubted: new Set(),
    rechecked: new Set(),
    isWrong: new Uint8Array(job.shard_count),
    corrections: 0,
    paid: 0,
  }
}

/** Whether the look at this prefix stops the job: a pure function of its leaves. */
export function prefixStops({ truth }: StoredJob, end: number): boolean {
  let sum = 0
  for (let shard = 0; shard < end; shard++) sum += truth[32 * shard] ?? 0
  return sum % 3 === 0
}

/** Shards that a job's result covers, whatever happens: the first look that stops it. */
export function expectedStop(stored: StoredJob): number {
  const { look_ends, shard_count } = stored.job
  return look_ends.find((end) => prefixStops(stored, end)) ?? shard_count
}

interface WordRun {
  readonly word: Word
  readonly first: number
  readonly count: number
}

/** Neighbours on the same word as one. */
export function joined(single: readonly (Word | undefined)[]): readonly WordRun[] {
  const runs: WordRun[] = []
  for (const [shard, word] of single.entries()) {
    if (word === undefined) continue
    const last = runs.at(-1)
    if (last !== undefined && last.first + last.count === shard && wordKey(last.word) === wordKey(word))
      runs[runs.length - 1] = { ...last, count: last.count + 1 }
    else runs.push({ word, first: shard, count: 1 })
  }
  return runs
}
