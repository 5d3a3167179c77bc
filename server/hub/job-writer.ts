import { setTimeout as delay } from 'node:timers/promises'
import type { JobState, ProgressView } from '../../kernel/api.ts'
import type { ForgeErrorJson } from '../../kernel/errors.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { HubLog } from './options.ts'

/** Phases stored as they are entered. */
export type StoredPhase = 'planned' | 'running' | 'verifying'
/** Ends stored after what was accepted before them; `settled` is stored together with the result. */
export type StoredEnd = 'failed' | 'cancelled' | 'expired'

/** States that a job may leave for each phase: a final one is never left. */
const LEAVES: Readonly<Record<StoredPhase, readonly JobState[]>> = {
  planned: ['submitted'],
  running: ['submitted', 'planned', 'verifying'],
  verifying: ['submitted', 'planned', 'running'],
}
export const UNFINISHED: readonly JobState[] = ['submitted', 'planned', 'running', 'verifying']

export interface JobEnd {
  readonly failure: ForgeErrorJson | undefined
  /** Waits until what was accepted is durable: what is durable when the end is stored is what is paid for. */
  durable(): Promise<void>
  /** The last figures; asked once everything is durable. */
  progress(): ProgressView | undefined
  /** Shards that a job with a target is charged for, where its looks have said so; null: for all that are durable. */
  covered(): number | null
  /** The state that the job ended in: another one when somebody else ended it first. */
  stored(state: JobState): void
}

const RETRY_FIRST_MS = 200
const RETRY_MAX_MS = 10_000

/** Writes each job's states in the order in which the core entered them, and repeats a write until the store takes it. */
export class JobWriter {
  readonly #jobs: JobStore
  readonly #log: HubLog
  readonly #chains = new Map<string, Promise<void>>()
  #closed = false

  constructor(jobs: JobStore, log: HubLog) {
    this.#jobs = jobs
    this.#log = log
  }

  storePhase(jobId: string, phase: StoredPhase): void {
    this.write(jobId, async () => {
      await this.#jobs.transition(jobId, LEAVES[phase], phase)
    })
  }

  storeEnd(jobId: string, state: StoredEnd, end: JobEnd): void {
    this.write(jobId, async () => {
      await end.durable()
      const progress = end.progress()
      const moved = await this.#jobs.transition(jobId, UNFINISHED, state, {
        ...(end.failure === undefined ? {} : { failure: end.failure }),
        ...(progress === undefined ? {} : { progress }),
        covered_shards: end.covered(),
      })
      end.stored(moved ? state : ((await this.#jobs.get(jobId))?.state ?? state))
    })
  }

  /** Appends a write to the job's chain. */
  write(jobId: string, write: () => Promise<void>): void {
    const chain = (this.#chains.get(jobId) ?? Promise.resolve()).then(() => this.#persist(jobId, write))
    this.#chains.set(jobId, chain)
    void chain.then(() => {
      if (this.#chains.get(jobId) === chain) this.#chains.delete(jobId)
    })
  }

  /** Waits until the job's writes so far are stored. */
  async idle(jobId: string): Promise<void> {
    await this.#chains.get(jobId)
  }

  /** Lets writes under way finish; failed ones are not repeated any more. */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all(this.#chains.values())
  }

  async #persist(jobId: string, write: () => Promise<void>): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        await write()
        return
      } catch (error) {
        this.#log('error', 'a job state could not be stored', { job: jobId, attempt, error: String(error) })
        if (this.#closed) return
        await delay(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** attempt))
      }
    }
  }
}
