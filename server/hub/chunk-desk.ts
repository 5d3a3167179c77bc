import { setTimeout as delay } from 'node:timers/promises'
import { ForgeError } from '../../kernel/errors.ts'
import type { ChunkQueue, PublishedJob } from './chunk-queue.ts'
import type { HubEffect, HubEvent } from './core/events.ts'
import type { HubLog } from './options.ts'

const RETRY_MS = 1000
/** What other hubs do with jobs that have nothing left here is asked for this often. */
const SURVEY_MS = 1000
/** So often it is asked for all jobs: of one for which this hub has no agents it may have to make the result as well. */
const SURVEYS_OF_ALL = 5

type ChunkEffect = Extract<
  HubEffect,
  { readonly t: 'chunk.claim' | 'chunk.extend' | 'chunk.return' | 'chunk.done' }
>

/** Carries the core's wishes about chunks to the queue and its answers back; what fails is tried again. */
export class ChunkDesk {
  readonly #queue: ChunkQueue
  readonly #tell: (event: HubEvent) => void
  readonly #inherit: (job_id: string) => Promise<void>
  readonly #mayFinish: (job_id: string) => boolean
  readonly #log: HubLog
  /** Jobs of which the queue had no more chunks. */
  readonly #exhausted = new Set<string>()
  readonly #timer: ReturnType<typeof setInterval>
  readonly #published = new Set<string>()
  #surveys = 0
  #surveying = false
  #closed = false

  /**
   * @param inherit takes note of shards that are durable already, before the core hears that a chunk with them is its own
   * @param mayFinish whether this hub is to make the result of a job whose last chunk another one has done
   */
  constructor(
    queue: ChunkQueue,
    tell: (event: HubEvent) => void,
    inherit: (job_id: string) => Promise<void>,
    mayFinish: (job_id: string) => boolean,
    log: HubLog,
  ) {
    this.#queue = queue
    this.#tell = tell
    this.#inherit = inherit
    this.#mayFinish = mayFinish
    this.#log = log
    this.#timer = setInterval(() => void this.#survey(), SURVEY_MS)
    this.#timer.unref()
  }

  publish(job: PublishedJob): Promise<{ readonly drained: boolean }> {
    this.#published.add(job.job_id)
    return this.#queue.publish(job)
  }

  /** The job has ended here. */
  withdraw(job_id: string): void {
    this.#exhausted.delete(job_id)
    this.#published.delete(job_id)
    void this.#ask(job_id, () => this.#queue.withdraw(job_id))
  }

  /** Asks the queue for nothing more, and tells nothing more. */
  stop(): void {
    this.#closed = true
    clearInterval(this.#timer)
  }

  /** Leaves everything that this hub holds to others. */
  close(): Promise<void> {
    this.stop()
    return this.#queue.close()
  }

  async perform(effect: ChunkEffect): Promise<void> {
    const { job_id } = effect
    switch (effect.t) {
      case 'chunk.claim': {
        const answer = await this.#ask(job_id, () => this.#queue.claim(job_id, effect.wanted))
        if (answer === undefined) return
        if (answer.chunks.length > 0) await this.#ask(job_id, () => this.#inherit(job_id))
        if (this.#closed) return
        if (answer.exhausted) this.#exhausted.add(job_id)
        this.#tell({ t: 'chunks.claimed', job_id, ...answer })
        return
      }
      case 'chunk.extend': {
        const { chunk, epoch } = effect
        const isHeld = await this.#ask(job_id, () => this.#queue.extend(job_id, chunk, epoch))
        if (isHeld === false) this.#tell({ t: 'chunk.lost', job_id, chunk, epoch })
        return
      }
      case 'chunk.return': {
        const { chunk, epoch, accepted } = effect
        await this.#ask(job_id, () => this.#queue.nak(job_id, chunk, epoch, accepted))
        return
      }
      case 'chunk.done': {
        const { chunk, epoch } = effect
        const answer = await this.#ask(job_id, () => this.#queue.ack(job_id, chunk, epoch))
        if (answer?.drained === true) this.#tell({ t: 'job.drained', job_id })
        return
      }
      default:
        effect satisfies never
    }
  }

  /** Hears what has become of jobs that had nothing left: a hub has given chunks up, or the last chunk is done. */
  async #survey(): Promise<void> {
    const asked = this.#surveys++ % SURVEYS_OF_ALL === 0 ? this.#published : this.#exhausted
    if (this.#surveying || asked.size === 0) return
    this.#surveying = true
    try {
      for (const [job_id, { drained, available }] of await this.#queue.survey([...asked])) {
        if (this.#closed) return
        if (drained) {
          // Asked for again until the job has ended: whoever makes its result may be gone.
          if (this.#mayFinish(job_id)) this.#tell({ t: 'job.drained', job_id })
        } else if (available && this.#exhausted.delete(job_id)) {
          this.#tell({ t: 'chunks.available', job_id })
        }
      }
    } catch (error) {
      this.#log('error', 'the chunk queue does not answer', { error: String(error) })
    } finally {
      this.#surveying = false
    }
  }

  /** @returns undefined when the hub is closed, or the claim is over, before there is an answer */
  async #ask<T>(job_id: string, question: () => Promise<T>): Promise<T | undefined> {
    while (!this.#closed) {
      try {
        const answer = await question()
        return this.#closed ? undefined : answer
      } catch (error) {
        if (error instanceof ForgeError && error.code === 'CONFLICT') return undefined
        this.#log('error', 'the chunk queue does not answer', { job: job_id, error: String(error) })
        await delay(RETRY_MS)
      }
    }
    return undefined
  }
}
