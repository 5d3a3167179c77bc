import { setTimeout as delay } from 'node:timers/promises'
import { ForgeError } from '../../kernel/errors.ts'
import type { ChunkQueue, PublishedJob } from './chunk-queue.ts'
import type { HubEffect, HubEvent } from './core/events.ts'
import type { HubLog } from './options.ts'

const RETRY_MS = 1000

type ChunkEffect = Extract<
  HubEffect,
  { readonly t: 'chunk.claim' | 'chunk.extend' | 'chunk.return' | 'chunk.done' }
>

/** Carries the core's wishes about chunks to the queue and its answers back; what fails is tried again. */
export class ChunkDesk {
  readonly #queue: ChunkQueue
  readonly #tell: (event: HubEvent) => void
  readonly #log: HubLog
  #closed = false

  constructor(queue: ChunkQueue, tell: (event: HubEvent) => void, log: HubLog) {
    this.#queue = queue
    this.#tell = tell
    this.#log = log
  }

  publish(job: PublishedJob): Promise<{ readonly drained: boolean }> {
    return this.#queue.publish(job)
  }

  /** The job has ended here. */
  withdraw(job_id: string): void {
    void this.#ask(job_id, () => this.#queue.withdraw(job_id))
  }

  close(): void {
    this.#closed = true
  }

  async perform(effect: ChunkEffect): Promise<void> {
    const { job_id } = effect
    switch (effect.t) {
      case 'chunk.claim': {
        const answer = await this.#ask(job_id, () => this.#queue.claim(job_id, effect.wanted))
        if (answer !== undefined) this.#tell({ t: 'chunks.claimed', job_id, ...answer })
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
