import type { JobState, JobWaiting } from '../../kernel/api.ts'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError, type ForgeErrorJson } from '../../kernel/errors.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { JobRow, JobStore } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import type { ChunkDesk } from './chunk-desk.ts'
import { joinRanges, type ShardRange } from './chunk-queue.ts'
import { chunkShards } from './chunk-size.ts'
import type { CoreLoop } from './core-loop.ts'
import { admittedJob, JobRuntime } from './job-runtime.ts'
import type { JobTable } from './job-table.ts'
import { type JobWriter, UNFINISHED } from './job-writer.ts'
import type { HubOptions } from './options.ts'
import { failureOf } from './referee-desk.ts'

export interface AdmissionPorts extends Pick<HubOptions, 'ops' | 'blobs' | 'chunkShards' | 'log'> {
  readonly jobs: Pick<JobStore, 'get'>
  readonly results: Pick<ResultStore, 'load'>
  readonly loop: CoreLoop
  readonly running: JobTable
  readonly chunks: Pick<ChunkDesk, 'publish'>
  readonly writer: Pick<JobWriter, 'storePhase'>
  /** The core has the job. */
  admitted(runtime: JobRuntime): void
  /** The job can never be admitted: it is `halted` until it is forgotten. */
  refused(jobId: string, failure: ForgeErrorJson): void
  /** While it waited somebody else has ended the job. */
  ended(jobId: string, state: JobState): void
}

/** Of a stored job what its admission needs. */
export type StoredJob = Parameters<typeof admittedJob>[0] & Pick<JobRow, 'canonical'>

interface Retry {
  readonly timer: ReturnType<typeof setTimeout>
  /** Undefined where it would say nothing to whoever waits for the job. */
  readonly reason: string | undefined
}

const RETRY_FIRST_MS = 500
const RETRY_MAX_MS = 60_000

/**
 * Takes stored jobs into the hub. Shards that are durable are folded and not executed again. While the store, the queue or
 * a blob does not answer, a job stays as it is stored and is tried again, each time after a longer while; what says that
 * the job itself cannot be executed ends it. Every hub tries for itself. A job that no hub can take is ended, like every
 * job that none has, when its hold is past its time.
 */
export class Admissions {
  readonly #ports: AdmissionPorts
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #retries = new Map<string, Retry>()
  /** Jobs whose end is on its way into the store: they are not taken again. */
  readonly #halted = new Set<string>()
  #closed = false

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
  }

  /** Jobs that wait to be tried again. */
  waitingJobs(): readonly string[] {
    return [...this.#retries.keys()]
  }

  /** Whether the job is here and the core does not have it. */
  has(jobId: string): boolean {
    return this.#underWay.has(jobId) || this.#retries.has(jobId) || this.#halted.has(jobId)
  }

  /** Why the job waits to be tried again. */
  waiting(jobId: string): JobWaiting | undefined {
    const retry = this.#retries.get(jobId)
    return retry && { t: 'unreadable', reason: retry.reason }
  }

  /** Tries once, and again later where that may help. It never throws. */
  async take(row: StoredJob): Promise<void> {
    if (this.has(row.id)) await this.#underWay.get(row.id)
    else if (!this.#ports.running.has(row.id)) await this.#attempt(row.id, 1, row)
  }

  /** Waits until an attempt that is under way is over. */
  async over(jobId: string): Promise<void> {
    await this.#underWay.get(jobId)
  }

  /** Tries a waiting job no more, as its end is to be stored. @returns false when it does not wait */
  halt(jobId: string): boolean {
    clearTimeout(this.#retries.get(jobId)?.timer)
    const hasWaited = this.#retries.delete(jobId)
    if (hasWaited) this.#halted.add(jobId)
    return hasWaited
  }

  forget(jobId: string): void {
    this.halt(jobId)
    this.#halted.delete(jobId)
  }

  /** Tries nothing again; what is under way comes to nothing. */
  close(): void {
    this.#closed = true
    for (const { timer } of this.#retries.values()) clearTimeout(timer)
  }

  #attempt(jobId: string, attempt: number, row?: StoredJob): Promise<void> {
    const attempted = this.#try(jobId, attempt, row).finally(() => this.#underWay.delete(jobId))
    this.#underWay.set(jobId, attempted)
    return attempted
  }

  async #try(jobId: string, attempt: number, given: StoredJob | undefined): Promise<void> {
    const { jobs, running, log, refused, ended } = this.#ports
    try {
      // Since the last attempt its owner may have paused it, or another hub have ended it.
      const row = given ?? (await jobs.get(jobId))
      if (row !== undefined && UNFINISHED.includes(row.state)) await this.#admit(row)
      else if (row !== undefined) ended(jobId, row.state)
      this.forget(jobId)
    } catch (error) {
      running.remove(jobId)
      if (this.#closed) return
      if (mayPass(error)) {
        this.#wait(jobId, attempt, error)
        return
      }
      log('error', 'a job cannot be admitted', { job: jobId, error: String(error) })
      this.#retries.delete(jobId)
      this.#halted.add(jobId)
      refused(jobId, failureOf(error))
    }
  }

  #wait(jobId: string, attempt: number, error: unknown): void {
    const delay_ms = retryDelay_ms(attempt, Math.random())
    this.#ports.log('warn', 'a job cannot be admitted now and is tried again', {
      job: jobId,
      attempt,
      delay_ms,
      error: String(error),
    })
    this.#retries.set(jobId, {
      timer: setTimeout(() => void this.#attempt(jobId, attempt + 1), delay_ms).unref(),
      reason: error instanceof ForgeError ? error.message : undefined,
    })
  }

  async #admit(row: StoredJob): Promise<void> {
    const { ops = OPS, blobs, results, loop, running, chunks, writer, log } = this.#ports
    const job = ops.prepare(parseJsonStrict(row.canonical))
    const runtime = new JobRuntime(row, job, blobs, loop.epoch)
    running.add(runtime)
    const accepted: ShardRange[] = []
    await runtime.collect(
      (wants) => results.load(row.id, wants),
      ({ runs }) => {
        for (const run of runs) accepted.push([run.first, run.count])
      },
    )
    if (row.state === 'submitted') writer.storePhase(row.id, 'planned')
    const { shard_count } = job.plan
    const published = {
      job_id: row.id,
      shard_count,
      chunk_shards: this.#ports.chunkShards ?? chunkShards(job),
    }
    const { drained } = await chunks.publish({ ...published, accepted: joinRanges(accepted) })
    // Somebody has ended it meanwhile, or the hub has closed.
    if (this.#closed || running.get(row.id) !== runtime) return
    loop.apply({ t: 'job.admitted', job: admittedJob(row, job, runtime.looked(), loop.now_ms()) })
    if (drained) loop.apply({ t: 'job.drained', job_id: row.id })
    this.#ports.admitted(runtime)
    if (accepted.length > 0)
      log('info', 'a job goes on after a restart', {
        job: row.id,
        accepted: runtime.folded,
        shards: shard_count,
      })
  }
}

/**
 * How long to wait after so many attempts: what fails for all jobs at once is not tried again for all of them at once.
 * @param draw from 0 to 1
 */
export function retryDelay_ms(attempt: number, draw: number): number {
  return Math.round(Math.min(RETRY_MAX_MS, RETRY_FIRST_MS * 2 ** (attempt - 1)) * (1 - draw / 2))
}

/**
 * Whether the same job may be admitted later. An error of the store or the queue says nothing about the job; nor does a
 * missing blob, for every one that is read here was there when its shard was accepted.
 */
export function mayPass(error: unknown): boolean {
  return !(error instanceof ForgeError) || error.retryable || error.code === 'NOT_FOUND'
}
