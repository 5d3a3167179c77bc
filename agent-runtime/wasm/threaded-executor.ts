import { ForgeError } from '../../kernel/errors.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { bestForm, type ModuleForm } from '../../shaders/modules.ts'
import { cancelled, throwIfAborted } from '../clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from '../executor.ts'
import { wasmLabel } from './executor.ts'
import type { ComputeThread } from './thread-messages.ts'
import { type PooledJob, ThreadPool } from './thread-pool.ts'

/** Leaves of a run that may be computed and not yet fetched, for each thread. */
const AHEAD = 2

/**
 * The WASM executor in threads of its own, so that messages and a stop are served while shards run. A run's shards are
 * spread over as many threads as the owner allows. A shard is one uninterruptible call of about 0.2 s; an abort therefore
 * ends the threads that compute for the run, at once, and the next run starts others.
 */
export class ThreadedWasmExecutor implements Executor {
  readonly kind = 'wasm'
  readonly #form: ModuleForm
  readonly #threads: () => number
  readonly #pool: ThreadPool
  #jobs = 0

  /**
   * @param threads how many threads may compute; asked again whenever one is to begin
   * @param form by default the fastest that this engine can run
   */
  constructor(spawn: () => ComputeThread, threads: () => number = () => 1, form: ModuleForm = bestForm()) {
    this.#form = form
    this.#threads = threads
    this.#pool = new ThreadPool(spawn, threads)
  }

  get label(): string {
    return wasmLabel(this.#form, this.width)
  }

  get width(): number {
    return this.#threads()
  }

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    const pooled: PooledJob = { id: ++this.#jobs, canonical: job.canonical, form: this.#form, inputs }
    return {
      run: (first, count, signal, rests) => this.#run(pooled, first, first + count, signal, rests),
      close: () => this.#pool.forget(pooled),
    }
  }

  async close(): Promise<void> {
    this.#pool.close(new ForgeError('CANCELLED', 'the executor is closed'))
  }

  async *#run(
    job: PooledJob,
    first: number,
    end: number,
    signal: AbortSignal,
    rests: () => boolean = () => false,
  ): AsyncGenerator<ShardLeaf> {
    throwIfAborted(signal)
    const run = this.#pool.open(job)
    const onAbort = () => run.abort(cancelled(signal))
    signal.addEventListener('abort', onAbort, { once: true })
    const leaves = new Map<number, Promise<Uint8Array>>()
    let next = first
    let computing = 0
    let over = false
    const begin = (): void => {
      const leaf = run.shard(next)
      leaves.set(next++, leaf)
      computing++
      leaf.then(
        () => {
          computing--
          if (!over && !rests()) fill()
        },
        () => undefined,
      )
    }
    const fill = (): void => {
      const width = this.width
      while (next < end && computing < width && leaves.size < AHEAD * width) begin()
    }
    try {
      for (let shard = first; shard < end; shard++) {
        throwIfAborted(signal)
        // Whoever rests between leaves wants no thread to compute meanwhile: so many are begun at once, and the next
        // when all of them were fetched.
        if (!rests() || leaves.size === 0) fill()
        const leaf = leaves.get(shard)
        if (leaf === undefined) throw new ForgeError('INTERNAL', `shard ${shard} was not begun`)
        if (rests()) await Promise.all(leaves.values())
        yield { shard, leaf: await leaf }
        leaves.delete(shard)
      }
    } finally {
      over = true
      signal.removeEventListener('abort', onAbort)
      run.abandon()
    }
  }
}
