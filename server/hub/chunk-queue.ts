import type { ClaimedChunk } from './core/events.ts'

/** A row of shards: the first, and how many. */
export type ShardRange = readonly [first: number, count: number]

/** A job's work on its way into the queue. */
export interface PublishedJob {
  readonly job_id: string
  readonly shard_count: number
  /** Shards of one chunk; the last one has what is left. */
  readonly chunk_shards: number
  /** Shards that are durable already: ascending, disjoint. */
  readonly accepted: readonly ShardRange[]
}

/** Where a job's chunks stand. */
export interface ChunkSurvey {
  /** Every chunk is done. */
  readonly drained: boolean
  /** There are chunks to claim. */
  readonly available: boolean
}

/**
 * Which hub works on which chunk of a job. A chunk is given to one hub at a time, for `lease_ms` unless it extends the
 * claim, under an epoch that grows with every claim of it. Chunk n of a job begins at shard n * chunk_shards. The queue
 * holds no results: whoever loses it publishes what the store says is not durable.
 */
export interface ChunkQueue {
  /** Publishing a job again changes nothing, but chunks that are accepted whole may be found done. @returns whether every chunk of it is done */
  publish(job: PublishedJob): Promise<{ readonly drained: boolean }>
  /** At most `wanted` chunks. `exhausted`: there are no more to claim now. */
  claim(
    job_id: string,
    wanted: number,
  ): Promise<{ readonly chunks: readonly ClaimedChunk[]; readonly exhausted: boolean }>
  /** Prolongs a claim. @returns false when it is over: it ran out or was given up, and somebody else may have it */
  extend(job_id: string, chunk: number, epoch: number): Promise<boolean>
  /**
   * Every shard of the chunk is durable. @returns whether every chunk of the job is done
   * @throws ForgeError CONFLICT when the claim is over
   */
  ack(job_id: string, chunk: number, epoch: number): Promise<{ readonly drained: boolean }>
  /** Gives a chunk back for others. @throws ForgeError CONFLICT when the claim is over */
  nak(job_id: string, chunk: number, epoch: number, accepted: readonly ShardRange[]): Promise<void>
  /** The job has ended: nothing of it is claimed any more. */
  withdraw(job_id: string): Promise<void>
  /** Of the jobs that are published: what has changed there without this hub. */
  survey(job_ids: readonly string[]): Promise<ReadonlyMap<string, ChunkSurvey>>
  /** This hub works no more: what it holds is free for others. */
  close(): Promise<void>
}

/** Ascending, disjoint ranges that cover the same shards; neighbours are joined. */
export function joinRanges(ranges: readonly ShardRange[]): readonly ShardRange[] {
  const joined: [number, number][] = []
  for (const [first, count] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last !== undefined && first <= last[0] + last[1]) last[1] = Math.max(last[1], first + count - last[0])
    else joined.push([first, count])
  }
  return joined
}

/** Accepted ranges cut at the chunks' borders. */
export function rangesByChunk({
  accepted,
  chunk_shards,
}: PublishedJob): ReadonlyMap<number, readonly ShardRange[]> {
  const chunks = new Map<number, ShardRange[]>()
  for (const [start, length] of accepted) {
    for (let first = start; first < start + length; ) {
      const chunk = Math.floor(first / chunk_shards)
      const count = Math.min(start + length, (chunk + 1) * chunk_shards) - first
      const ranges = chunks.get(chunk) ?? []
      chunks.set(chunk, ranges)
      ranges.push([first, count])
      first += count
    }
  }
  return chunks
}
