import type { JsMsg } from '@nats-io/jetstream'
import type { ChunkStore } from '../../memory/chunk-store.ts'
import type { ChunkQueue, PublishedJob, ShardRange } from '../chunk-queue.ts'
import type { ClaimedChunk } from '../core/events.ts'
import type { HubLog } from '../options.ts'
import type { ChunkStream } from './chunk-stream.ts'
import type { PostgresChunkQueue } from './postgres-chunk-queue.ts'

const RECONCILE_MS = 2000
/** Free chunks of one job that are compared with the stream at once. */
const RECONCILED_CHUNKS = 10_000

export interface JetStreamChunkQueueOptions {
  readonly stream: ChunkStream
  /** Makes the claims. */
  readonly rows: PostgresChunkQueue
  readonly chunks: Pick<ChunkStore, 'free'>
  readonly log: HubLog
  /** Undefined: RECONCILE_MS. */
  readonly reconcile_ms?: number
  /** Wall clock, milliseconds: tells repetitions of a publication apart. */
  readonly now_ms?: () => number
}

/**
 * The chunk queue of hubs with NATS JetStream: its stream hands chunks out, explicit acknowledgement takes them from it,
 * AckWait hands out again what a hub is silent about. The claim, its epoch and its end are rows in PostgreSQL, as with
 * PostgreSQL alone, so a message that comes twice or too late claims nothing, and is acknowledged. The reconciler
 * publishes again what PostgreSQL calls free and the stream does not have: a lost stream loses no work. While NATS does not
 * answer chunks are claimed as with PostgreSQL alone.
 */
export class JetStreamChunkQueue implements ChunkQueue {
  readonly #options: JetStreamChunkQueueOptions
  /** Messages of the chunks that this hub holds, by job and chunk. */
  readonly #jobs = new Map<string, Map<number, JsMsg>>()
  readonly #timer: ReturnType<typeof setInterval>
  #reconciling = false
  #closed = false

  constructor(options: JetStreamChunkQueueOptions) {
    this.#options = options
    this.#timer = setInterval(() => void this.#reconcileAll(), options.reconcile_ms ?? RECONCILE_MS)
    this.#timer.unref()
  }

  async publish(job: PublishedJob): Promise<{ readonly drained: boolean }> {
    const answer = await this.#options.rows.publish(job)
    if (answer.drained) return answer
    if (!this.#jobs.has(job.job_id)) this.#jobs.set(job.job_id, new Map())
    await this.#reconcile(job.job_id)
    return answer
  }

  async claim(job_id: string, wanted: number) {
    const { chunks, stream, rows } = this.#options
    const free = await chunks.free(job_id, wanted)
    if (free.length === 0) return { chunks: [], exhausted: true }
    const handed = await stream.fetch(job_id, free.length).catch((error: unknown) => {
      this.#complain(job_id, error)
      return undefined
    })
    // Nobody hands them out: they are taken where the claims are made anyway.
    if (handed === undefined) return await rows.claim(job_id, wanted)
    const among = [...new Set(handed.map(({ chunk }) => chunk))]
    const claimed: readonly ClaimedChunk[] = among.length === 0 ? [] : await rows.claimAmong(job_id, among)
    const held = this.#jobs.get(job_id) ?? new Map<number, JsMsg>()
    this.#jobs.set(job_id, held)
    const missing = new Set(claimed.map(({ chunk }) => chunk))
    for (const { chunk, message } of handed) {
      // What claims nothing is done or held; should its hub die, the reconciler publishes it again.
      if (missing.delete(chunk)) held.set(chunk, message)
      else this.#say(() => message.ack())
    }
    return { chunks: claimed, exhausted: false }
  }

  async extend(job_id: string, chunk: number, epoch: number): Promise<boolean> {
    const isHeld = await this.#options.rows.extend(job_id, chunk, epoch)
    const message = this.#jobs.get(job_id)?.get(chunk)
    if (isHeld) this.#say(() => message?.working())
    return isHeld
  }

  async ack(job_id: string, chunk: number, epoch: number): Promise<{ readonly drained: boolean }> {
    const answer = await this.#options.rows.ack(job_id, chunk, epoch)
    const message = this.#release(job_id, chunk)
    this.#say(() => message?.ack())
    return answer
  }

  async nak(job_id: string, chunk: number, epoch: number, accepted: readonly ShardRange[]): Promise<void> {
    await this.#options.rows.nak(job_id, chunk, epoch, accepted)
    const message = this.#release(job_id, chunk)
    this.#say(() => message?.nak())
  }

  async withdraw(job_id: string): Promise<void> {
    await this.#options.rows.withdraw(job_id)
    this.#jobs.delete(job_id)
    try {
      await this.#options.stream.forget(job_id)
    } catch (error) {
      // It forgets by itself what nobody asks for.
      this.#complain(job_id, error)
    }
  }

  survey(job_ids: readonly string[]) {
    return this.#options.rows.survey(job_ids)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    for (const held of this.#jobs.values())
      for (const message of held.values()) this.#say(() => message.nak())
    this.#jobs.clear()
    await this.#options.rows.close()
    await this.#options.stream.flush().catch(() => {})
  }

  #release(job_id: string, chunk: number): JsMsg | undefined {
    const held = this.#jobs.get(job_id)
    const message = held?.get(chunk)
    held?.delete(chunk)
    return message
  }

  /** What NATS does not hear, it asks again about: the answer is then that the chunk is done or held. */
  #say(word: () => void): void {
    try {
      word()
    } catch (error) {
      this.#options.log('warn', 'NATS does not hear', { error: String(error) })
    }
  }

  async #reconcileAll(): Promise<void> {
    if (this.#reconciling) return
    this.#reconciling = true
    try {
      for (const job_id of [...this.#jobs.keys()]) await this.#reconcile(job_id)
    } finally {
      this.#reconciling = false
    }
  }

  async #reconcile(job_id: string): Promise<void> {
    const { chunks, stream, now_ms = Date.now } = this.#options
    try {
      const free = await chunks.free(job_id, RECONCILED_CHUNKS)
      if (free.length === 0 || this.#closed) return
      if ((await stream.waiting(job_id)) < free.length) await stream.publish(job_id, free, now_ms())
    } catch (error) {
      if (!this.#closed) this.#complain(job_id, error)
    }
  }

  #complain(job_id: string, error: unknown): void {
    this.#options.log('warn', 'NATS does not answer', { job: job_id, error: String(error) })
  }
}
