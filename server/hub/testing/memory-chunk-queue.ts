import { ForgeError } from '../../../kernel/errors.ts'
import {
  type ChunkQueue,
  type ChunkSurvey,
  type PublishedJob,
  rangesByChunk,
  type ShardRange,
} from '../chunk-queue.ts'
import type { ClaimedChunk } from '../core/events.ts'

interface QueuedJob {
  readonly published: PublishedJob
  readonly chunk_count: number
  /** Accepted shards of chunks that are begun and not done. */
  readonly begun: Map<number, readonly ShardRange[]>
  /** Chunks from here on were never claimed. */
  next: number
  /** Chunks that were given back. */
  readonly returned: number[]
  /** Epochs of present claims. */
  readonly claims: Map<number, number>
  readonly done: Set<number>
  done_count: number
}

/**
 * The chunk queue of one hub that works alone on a store in memory: nobody else can claim, so claims never end. It keeps
 * nothing of a chunk that nobody has begun, so a job of ten million shards costs no more than a small one.
 */
export class MemoryChunkQueue implements ChunkQueue {
  readonly #jobs = new Map<string, QueuedJob>()
  #epoch = 0

  async publish(published: PublishedJob): Promise<{ readonly drained: boolean }> {
    const known = this.#jobs.get(published.job_id)
    if (known !== undefined) return { drained: isDrained(known) }
    const job: QueuedJob = {
      published,
      chunk_count: Math.ceil(published.shard_count / published.chunk_shards),
      begun: new Map(),
      next: 0,
      returned: [],
      claims: new Map(),
      done: new Set(),
      done_count: 0,
    }
    for (const [chunk, ranges] of rangesByChunk(published)) {
      if (ranges.reduce((sum, [, count]) => sum + count, 0) < span(job, chunk).count)
        job.begun.set(chunk, ranges)
      else finish(job, chunk)
    }
    this.#jobs.set(published.job_id, job)
    return { drained: isDrained(job) }
  }

  async claim(job_id: string, wanted: number) {
    const job = this.#jobs.get(job_id)
    const chunks: ClaimedChunk[] = []
    if (job === undefined) return { chunks, exhausted: true }
    while (chunks.length < wanted) {
      const chunk = nextChunk(job)
      if (chunk === undefined) break
      const epoch = ++this.#epoch
      job.claims.set(chunk, epoch)
      const accepted = job.begun.get(chunk) ?? []
      job.begun.delete(chunk)
      chunks.push({ chunk, ...span(job, chunk), epoch, lease_ms: Number.POSITIVE_INFINITY, accepted })
    }
    return { chunks, exhausted: !hasMore(job) }
  }

  async extend(job_id: string, chunk: number, epoch: number): Promise<boolean> {
    return this.#jobs.get(job_id)?.claims.get(chunk) === epoch
  }

  async ack(job_id: string, chunk: number, epoch: number): Promise<{ readonly drained: boolean }> {
    const job = this.#claimed(job_id, chunk, epoch)
    if (job === undefined) return { drained: false }
    job.claims.delete(chunk)
    finish(job, chunk)
    return { drained: isDrained(job) }
  }

  async nak(job_id: string, chunk: number, epoch: number, accepted: readonly ShardRange[]): Promise<void> {
    const job = this.#claimed(job_id, chunk, epoch)
    if (job === undefined) return
    job.claims.delete(chunk)
    job.begun.set(chunk, accepted)
    job.returned.push(chunk)
  }

  async withdraw(job_id: string): Promise<void> {
    this.#jobs.delete(job_id)
  }

  async survey(job_ids: readonly string[]): Promise<ReadonlyMap<string, ChunkSurvey>> {
    const known = job_ids.flatMap((id) => {
      const job = this.#jobs.get(id)
      return job === undefined ? [] : [[id, { drained: isDrained(job), available: hasMore(job) }] as const]
    })
    return new Map(known)
  }

  async close(): Promise<void> {}

  /** @returns undefined when the job has been withdrawn. @throws ForgeError CONFLICT when the claim is over */
  #claimed(job_id: string, chunk: number, epoch: number): QueuedJob | undefined {
    const job = this.#jobs.get(job_id)
    if (job !== undefined && job.claims.get(chunk) !== epoch)
      throw new ForgeError('CONFLICT', `chunk ${chunk} of job ${job_id} is not claimed under ${epoch}`)
    return job
  }
}

function hasMore(job: QueuedJob): boolean {
  return job.returned.length > 0 || firstUnclaimed(job) !== undefined
}

function isDrained(job: QueuedJob): boolean {
  return job.done_count === job.chunk_count
}

function span({ published }: QueuedJob, chunk: number): { readonly first: number; readonly count: number } {
  const first = chunk * published.chunk_shards
  return { first, count: Math.min(published.chunk_shards, published.shard_count - first) }
}

/** Marks a chunk done; below `next` the count alone says it. */
function finish(job: QueuedJob, chunk: number): void {
  job.done_count++
  if (chunk >= job.next) job.done.add(chunk)
}

function firstUnclaimed(job: QueuedJob): number | undefined {
  while (job.done.delete(job.next)) job.next++
  return job.next < job.chunk_count ? job.next : undefined
}

function nextChunk(job: QueuedJob): number | undefined {
  const returned = job.returned.shift()
  if (returned !== undefined) return returned
  const chunk = firstUnclaimed(job)
  if (chunk !== undefined) job.next++
  return chunk
}
