import { Worker } from 'node:worker_threads'
import { ForgeError, invariant } from '../../../kernel/errors.ts'
import type { PreparedJob } from '../../../kernel/job.ts'
import type { Leaves } from '../../../kernel/leaves.ts'
import type { InputBytes } from '../../../kernel/ops/op.ts'
import { type RefereeAnswer, type RefereeRequest, refereeAnswerSchema } from './messages.ts'

/** The hub's own exact execution: its word closes a dispute. */
export interface Referee {
  /** @returns the shards' leaves in their order. @throws ForgeError EXECUTOR_FAILED when the execution itself fails */
  execute(job: PreparedJob, shards: readonly number[], inputs: InputBytes): Promise<readonly Uint8Array[]>
  /**
   * Checks leaves by the op's algebraic check.
   * @param secret drawn after the leaves were committed to
   * @returns places in `shards` of those that are wrong
   */
  check(
    job: PreparedJob,
    shards: readonly number[],
    leaves: Leaves,
    secret: Uint8Array,
    inputs: InputBytes,
  ): Promise<readonly number[]>
  close(): Promise<void>
}

type Answer = RefereeAnswer & { t: 'done' | 'checked' }
type Work = Omit<RefereeRequest & { t: 'run' }, 'id'> | Omit<RefereeRequest & { t: 'check' }, 'id'>

/** Jobs kept ready in the thread, with their operands. */
const LOADED_JOBS = 16
/** Of the thread's heap. It makes little garbage: kernels work in memory of their own. Without a limit this grows to 48 MB. */
const YOUNG_MB = 4
/** Threads that one shard may use up. */
const ATTEMPTS = 3

/**
 * A referee in a worker thread of its own, so that no shard's arithmetic delays the hub's answers. It works at most
 * `cpuShare` of the time of one core: after each shard it rests in proportion.
 */
export class WorkerReferee implements Referee {
  readonly #entry: URL
  readonly #cpuShare: number
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: unknown): void }>()
  #worker: Worker | undefined
  #loaded = new Set<string>()
  #next = 1
  /** Threads that ended by themselves. */
  #lost = 0
  #closed = false

  /** @param cpuShare above 0 and at most 1, of one core. */
  constructor(entry: URL, cpuShare: number) {
    this.#entry = entry
    this.#cpuShare = cpuShare
  }

  async execute(
    job: PreparedJob,
    shards: readonly number[],
    inputs: InputBytes,
  ): Promise<readonly Uint8Array[]> {
    const work = { t: 'run' as const, contract_hash: job.contractHash, shards: [...shards] } satisfies Work
    const answer = await this.#attempt(job, inputs, work)
    invariant(answer.t === 'done', 'an execution gives leaves')
    return answer.leaves
  }

  async check(
    job: PreparedJob,
    shards: readonly number[],
    leaves: Leaves,
    secret: Uint8Array,
    inputs: InputBytes,
  ): Promise<readonly number[]> {
    const work = {
      t: 'check' as const,
      contract_hash: job.contractHash,
      shards: [...shards],
      leaves: [...leaves],
      secret,
    } satisfies Work
    const answer = await this.#attempt(job, inputs, work)
    invariant(answer.t === 'checked', 'a check names what is wrong')
    return answer.wrong
  }

  async #attempt(job: PreparedJob, inputs: InputBytes, work: Work): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const lost = this.#lost
      try {
        return await this.#ask(job, inputs, work)
      } catch (error) {
        // One lost thread must not fail a job; an execution that fails by itself would fail again.
        if (this.#lost === lost || attempt === ATTEMPTS || this.#closed) throw error
      }
    }
  }

  #ask(job: PreparedJob, inputs: InputBytes, work: Work): Promise<Answer> {
    const worker = this.#running()
    const id = this.#next++
    const answer = new Promise<Answer>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    this.#load(worker, job, inputs)
    this.#post(worker, { ...work, id })
    return answer
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#fail(new ForgeError('UNAVAILABLE', 'the referee is closed'))
    await this.#worker?.terminate()
    this.#worker = undefined
  }

  /** Keeps the job ready in the thread; the one longest unused makes room. Far fewer shards wait than jobs are kept, so it has none. */
  #load(worker: Worker, job: PreparedJob, inputs: InputBytes): void {
    const hash = job.contractHash
    if (!this.#loaded.delete(hash)) {
      const [oldest] = this.#loaded
      if (oldest !== undefined && this.#loaded.size >= LOADED_JOBS) {
        this.#loaded.delete(oldest)
        this.#post(worker, { t: 'unload', contract_hash: oldest })
      }
      this.#post(worker, { t: 'load', canonical: job.canonical, contract_hash: hash, inputs: [...inputs] })
    }
    this.#loaded.add(hash)
  }

  #post(worker: Worker, request: RefereeRequest): void {
    worker.postMessage(request)
  }

  #running(): Worker {
    if (this.#worker !== undefined) return this.#worker
    const worker = new Worker(this.#entry, {
      workerData: { cpu_share: this.#cpuShare },
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    })
    worker.unref()
    worker.on('message', (message: unknown) => {
      const answer = refereeAnswerSchema.parse(message)
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.t !== 'failed') waiting?.resolve(answer)
      else waiting?.reject(new ForgeError('EXECUTOR_FAILED', `the referee failed: ${answer.message}`))
    })
    const lost = (cause: unknown) => {
      if (this.#worker !== worker) return
      this.#worker = undefined
      this.#lost++
      this.#loaded = new Set()
      this.#fail(new ForgeError('EXECUTOR_FAILED', 'the referee stopped', { cause }))
    }
    worker.on('error', lost)
    worker.on('exit', lost)
    this.#worker = worker
    return worker
  }

  #fail(error: ForgeError): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
