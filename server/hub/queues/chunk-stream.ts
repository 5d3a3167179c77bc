import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/transport-node'
import { z } from 'zod'

const STREAM = 'FORGE_CHUNKS'
const SUBJECTS = 'forge.chunks'
const REPLICAS = 3
/** A consumer that no hub asks any more vanishes by itself. */
const CONSUMER_IDLE_MS = 86_400_000
/** Messages of jobs whose end nobody has said; a chunk that is still open is published again. */
const MESSAGE_AGE_MS = 7 * 86_400_000
/** Publications under way at once. */
const PUBLISH_BATCH = 128
/** The shortest that the client allows. */
const FETCH_MS = 1000
/** The same chunk is published again at most once in this time, by all hubs together. */
const AGAIN_MS = 10_000

const chunkMessage = z.strictObject({ chunk: z.int().min(0) })

/** A chunk that the stream has handed out, until its message is acknowledged. */
export interface HandedOut {
  readonly chunk: number
  readonly message: JsMsg
}

/**
 * The work-queue stream of chunks in NATS JetStream: a message a chunk, a durable consumer a job. It says who may try to
 * claim next and how soon again; it may be lost or repeat itself, for the claim itself is in PostgreSQL.
 */
export class ChunkStream {
  readonly #nats: NatsConnection
  readonly #manager: JetStreamManager
  readonly #client: JetStreamClient
  readonly #ack_wait_ms: number
  readonly #consumers = new Map<string, Promise<Consumer>>()

  private constructor(nats: NatsConnection, manager: JetStreamManager, ack_wait_ms: number) {
    this.#nats = nats
    this.#manager = manager
    this.#client = manager.jetstream()
    this.#ack_wait_ms = ack_wait_ms
  }

  /**
   * @param ack_wait_ms a chunk that is handed out and not heard of for so long is handed out again
   * @throws what JetStream says when it is not enabled or has no quorum
   */
  static async open(nats: NatsConnection, ack_wait_ms: number): Promise<ChunkStream> {
    const stream = new ChunkStream(nats, await jetstreamManager(nats), ack_wait_ms)
    await stream.#ensureStream()
    return stream
  }

  /** Three replicas where the cluster has three servers, else one. */
  async #ensureStream(): Promise<void> {
    const config = {
      name: STREAM,
      subjects: [`${SUBJECTS}.>`],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_age: nanos(MESSAGE_AGE_MS),
    }
    try {
      const { config: present } = await this.#manager.streams.info(STREAM)
      if (present.num_replicas >= REPLICAS) return
      // The cluster may have grown; where it has not, the stream stays as it is.
      await this.#manager.streams.update(STREAM, { ...config, num_replicas: REPLICAS }).catch(() => {})
      return
    } catch (error) {
      if (!isMissing(error)) throw error
    }
    try {
      await this.#manager.streams.add({ ...config, num_replicas: REPLICAS })
    } catch (error) {
      if (!(error instanceof JetStreamApiError)) throw error
      await this.#manager.streams.add({ ...config, num_replicas: 1 })
    }
  }

  /** The job's consumer; both it and the stream are made when they are not there. */
  #consumer(job_id: string): Promise<Consumer> {
    const known = this.#consumers.get(job_id)
    if (known !== undefined) return known
    const opening = this.#openConsumer(job_id)
    this.#consumers.set(job_id, opening)
    opening.catch(() => this.#consumers.delete(job_id))
    return opening
  }

  async #openConsumer(job_id: string): Promise<Consumer> {
    const config = {
      durable_name: job_id,
      filter_subject: `${SUBJECTS}.${job_id}.*`,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(this.#ack_wait_ms),
      inactive_threshold: nanos(CONSUMER_IDLE_MS),
    }
    try {
      await this.#manager.consumers.add(STREAM, config)
    } catch (error) {
      if (!isMissing(error)) throw error
      await this.#ensureStream()
      await this.#manager.consumers.add(STREAM, config)
    }
    return await this.#client.consumers.get(STREAM, job_id)
  }

  async #with<T>(job_id: string, work: (consumer: Consumer) => Promise<T>): Promise<T> {
    try {
      return await work(await this.#consumer(job_id))
    } catch (error) {
      // Asked again, it is looked for again, and made where it is gone.
      this.#consumers.delete(job_id)
      throw error
    }
  }

  /**
   * Publishes chunks. What another hub publishes in the same moment is stored once.
   * @param chunks with the epoch of their last claim, 0 without one
   */
  async publish(
    job_id: string,
    chunks: readonly { readonly chunk: number; readonly epoch: number }[],
    now_ms: number,
  ): Promise<void> {
    await this.#consumer(job_id)
    const moment = Math.floor(now_ms / AGAIN_MS)
    for (let at = 0; at < chunks.length; at += PUBLISH_BATCH) {
      await Promise.all(
        chunks.slice(at, at + PUBLISH_BATCH).map(({ chunk, epoch }) =>
          this.#client.publish(`${SUBJECTS}.${job_id}.${chunk}`, JSON.stringify({ chunk }), {
            msgID: `${job_id}.${chunk}.${epoch}.${moment}`,
          }),
        ),
      )
    }
  }

  /** Messages of the job that are not handed out. @throws when the consumer is gone */
  waiting(job_id: string): Promise<number> {
    return this.#with(job_id, async (consumer) => (await consumer.info()).num_pending)
  }

  /** At most so many chunks that the stream hands out; waits a second for those that are not there. */
  fetch(job_id: string, wanted: number): Promise<readonly HandedOut[]> {
    return this.#with(job_id, async (consumer) => {
      const handed: HandedOut[] = []
      for await (const message of await consumer.fetch({ max_messages: wanted, expires: FETCH_MS })) {
        const parsed = chunkMessage.safeParse(jsonOf(message))
        if (parsed.success) handed.push({ chunk: parsed.data.chunk, message })
        // Nobody of us wrote it.
        else message.term()
      }
      return handed
    })
  }

  /** Removes what is left of a job. */
  async forget(job_id: string): Promise<void> {
    this.#consumers.delete(job_id)
    try {
      await this.#manager.consumers.delete(STREAM, job_id)
      await this.#manager.streams.purge(STREAM, { filter: `${SUBJECTS}.${job_id}.*` })
    } catch (error) {
      if (!isMissing(error)) throw error
    }
  }

  /** Waits until NATS has heard what was said to it. */
  async flush(): Promise<void> {
    if (!this.#nats.isClosed()) await this.#nats.flush()
  }
}

function isMissing(error: unknown): boolean {
  const gone: readonly number[] = [JetStreamApiCodes.ConsumerNotFound, JetStreamApiCodes.StreamNotFound]
  return error instanceof JetStreamApiError && gone.includes(error.code)
}

function jsonOf(message: JsMsg): unknown {
  try {
    return message.json()
  } catch {
    return undefined
  }
}
