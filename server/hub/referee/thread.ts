import { setTimeout as rest } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'
import { parseJsonStrict } from '../../../kernel/canonical.ts'
import { ForgeError, invariant } from '../../../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../../../kernel/job.ts'
import type { InputBytes } from '../../../kernel/ops/op.ts'
import {
  type RefereeAnswer,
  type RefereeRequest,
  refereeDataSchema,
  refereeRequestSchema,
} from './messages.ts'

/** What the thread executes with. */
export interface RefereeKernels {
  readonly ops: OpRegistry
  /** A job's kernel, ready to give leaves. */
  program(job: PreparedJob, inputs: InputBytes): Promise<LeafProgram>
}

interface LeafProgram {
  leaf(shard: number): Uint8Array
}

interface LoadedJob {
  readonly job: PreparedJob
  readonly inputs: InputBytes
  readonly program: LeafProgram
}

type Work = RefereeRequest & { t: 'run' | 'check' }

/** Serves the referee from this thread: runs one shard after the other, within its share of the CPU. */
export function serveReferee(kernels: RefereeKernels): void {
  const port = parentPort
  invariant(port !== null, 'the referee runs in a worker thread')
  const { cpu_share } = refereeDataSchema.parse(workerData)
  const thread = new RefereeThread(kernels, cpu_share, (message) => port.postMessage(message))
  port.on('message', (message: unknown) => thread.take(refereeRequestSchema.parse(message)))
}

class RefereeThread {
  readonly #kernels: RefereeKernels
  readonly #cpu_share: number
  readonly #answer: (message: RefereeAnswer) => void
  readonly #jobs = new Map<string, Promise<LoadedJob>>()
  readonly #queue: Work[] = []
  #busy = false
  #owed_rest_ms = 0

  constructor(kernels: RefereeKernels, cpu_share: number, answer: (message: RefereeAnswer) => void) {
    this.#kernels = kernels
    this.#cpu_share = cpu_share
    this.#answer = answer
  }

  take(request: RefereeRequest): void {
    if (request.t === 'load') {
      const loading = this.#load(request)
      // Whoever asks for a shard hears of it.
      loading.catch(() => undefined)
      this.#jobs.set(request.contract_hash, loading)
      return
    }
    if (request.t === 'unload') {
      this.#jobs.delete(request.contract_hash)
      return
    }
    this.#queue.push(request)
    void this.#drain()
  }

  async #drain(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    for (let request = this.#queue.shift(); request !== undefined; request = this.#queue.shift())
      this.#answer(await this.#perform(request))
    this.#busy = false
  }

  /** Rests in proportion to what was worked; short rests are saved up, a timer does not know less than a millisecond. */
  async #restAfter(worked_ms: number): Promise<void> {
    this.#owed_rest_ms += (worked_ms * (1 - this.#cpu_share)) / this.#cpu_share
    if (this.#owed_rest_ms < 1) return
    const rest_ms = this.#owed_rest_ms
    this.#owed_rest_ms = 0
    await rest(rest_ms)
  }

  async #load(request: RefereeRequest & { t: 'load' }): Promise<LoadedJob> {
    const job = this.#kernels.ops.prepare(parseJsonStrict(request.canonical))
    const inputs = new Map(request.inputs)
    return { job, inputs, program: await this.#kernels.program(job, inputs) }
  }

  async #perform(work: Work): Promise<RefereeAnswer> {
    try {
      const loaded = await this.#jobs.get(work.contract_hash)
      if (loaded === undefined) throw new ForgeError('INTERNAL', 'the job is not loaded')
      return work.t === 'run' ? await this.#execute(loaded, work) : await this.#check(loaded, work)
    } catch (error) {
      return { t: 'failed', id: work.id, message: error instanceof Error ? error.message : String(error) }
    }
  }

  async #execute({ program }: LoadedJob, work: Work & { t: 'run' }): Promise<RefereeAnswer> {
    const leaves: Uint8Array[] = []
    for (const shard of work.shards) {
      const started = performance.now()
      leaves.push(program.leaf(shard))
      await this.#restAfter(performance.now() - started)
    }
    return { t: 'done', id: work.id, leaves }
  }

  async #check({ job, inputs }: LoadedJob, work: Work & { t: 'check' }): Promise<RefereeAnswer> {
    const { algebraic } = job
    if (algebraic === undefined) throw new ForgeError('INTERNAL', `${job.op} has no algebraic check`)
    const wrong: number[] = []
    for (const [at, shard] of work.shards.entries()) {
      const started = performance.now()
      const leaf = work.leaves[at]
      invariant(leaf !== undefined, 'a leaf for each shard')
      if (algebraic.check(inputs, shard, leaf, work.secret) !== undefined) wrong.push(at)
      await this.#restAfter(performance.now() - started)
    }
    return { t: 'checked', id: work.id, wrong }
  }
}
