import { ForgeError } from '../../../kernel/errors.ts'
import type { ChunkStore, ClaimedRow } from '../../memory/chunk-store.ts'
import type { HubPresence } from '../../memory/hub-presence.ts'
import type { ResultStore } from '../../memory/ports/results.ts'
import {
  type ChunkQueue,
  joinRanges,
  type PublishedJob,
  rangesByChunk,
  type ShardRange,
} from '../chunk-queue.ts'
import type { ClaimedChunk } from '../core/events.ts'

/** A claim that nobody extends ends after this time; a hub extends its claims three times as often. */
export const CLAIM_MS = 30_000

export interface PostgresChunkQueueOptions {
  readonly chunks: ChunkStore
  readonly results: Pick<ResultStore, 'durable'>
  readonly presence: HubPresence
  /** Epoch of the hub. */
  readonly holder: number
  /** Undefined: CLAIM_MS. */
  readonly lease_ms?: number
}

/**
 * The chunk queue of hubs that share a PostgreSQL. It finds chunks that nobody holds: given back, of a hub that has died,
 * run out by the database's clock, or untouched. What an earlier owner made durable is read from the results, after his
 * claim has ended: what he still sends is refused.
 */
export class PostgresChunkQueue implements ChunkQueue {
  readonly #options: PostgresChunkQueueOptions
  readonly #lease_ms: number

  constructor(options: PostgresChunkQueueOptions) {
    this.#options = options
    this.#lease_ms = options.lease_ms ?? CLAIM_MS
  }

  async publish(job: PublishedJob): Promise<{ readonly drained: boolean }> {
    const begun = [...rangesByChunk(job)].map(([chunk, accepted]) => {
      const count = Math.min(job.chunk_shards, job.shard_count - chunk * job.chunk_shards)
      return { chunk, accepted, done: accepted.reduce((sum, range) => sum + range[1], 0) === count }
    })
    return await this.#options.chunks.publish(job, begun)
  }

  async claim(job_id: string, wanted: number) {
    return await this.#claim(job_id, wanted)
  }

  /** Claims one of these chunks that another engine has handed out. */
  async claimAmong(job_id: string, among: readonly number[]): Promise<readonly ClaimedChunk[]> {
    return (await this.#claim(job_id, among.length, among)).chunks
  }

  async #claim(job_id: string, wanted: number, among?: readonly number[]) {
    const { chunks, presence, holder } = this.#options
    // Without it the claim would be free for everybody.
    await presence.held()
    const wish = {
      job_id,
      holder,
      wanted,
      lease_ms: this.#lease_ms,
      ...(among === undefined ? {} : { among }),
    }
    const { chunks: rows, exhausted } = await chunks.claim(wish)
    return { chunks: await Promise.all(rows.map((row) => this.#claimed(job_id, row))), exhausted }
  }

  async #claimed(job_id: string, row: ClaimedRow): Promise<ClaimedChunk> {
    const { accepted = await this.#options.results.durable(job_id, row.first, row.count) } = row
    return { ...row, lease_ms: this.#lease_ms, accepted: joinRanges(accepted) }
  }

  extend(job_id: string, chunk: number, epoch: number): Promise<boolean> {
    return this.#options.chunks.extend(job_id, chunk, epoch, this.#lease_ms)
  }

  async ack(job_id: string, chunk: number, epoch: number): Promise<{ readonly drained: boolean }> {
    const answer = await this.#options.chunks.finish(job_id, chunk, epoch)
    if (answer === undefined) throw notClaimed(job_id, chunk, epoch)
    return answer
  }

  async nak(job_id: string, chunk: number, epoch: number, accepted: readonly ShardRange[]): Promise<void> {
    const { chunks } = this.#options
    if (await chunks.giveBack(job_id, chunk, epoch, accepted)) return
    if ((await chunks.survey([job_id])).has(job_id)) throw notClaimed(job_id, chunk, epoch)
  }

  withdraw(job_id: string): Promise<void> {
    return this.#options.chunks.withdraw(job_id)
  }

  survey(job_ids: readonly string[]) {
    return this.#options.chunks.survey(job_ids)
  }

  close(): Promise<void> {
    return this.#options.presence.close()
  }
}

function notClaimed(job_id: string, chunk: number, epoch: number): ForgeError {
  return new ForgeError('CONFLICT', `chunk ${chunk} of job ${job_id} is not claimed under ${epoch}`)
}
