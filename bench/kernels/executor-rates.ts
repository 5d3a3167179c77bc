import type { Executor, ShardRunner } from '../../agent-runtime/executor.ts'
import type { OptionJob, ProductJob } from './workloads.ts'

/** Rates of an executor as agents use it, in any host. The peers print the best of several runs, and so do these. */

const never = new AbortController().signal

/** Shards that take about so long are one run, as long as a run of the peers. */
const RUN_MS = 300
const WARM_UP_MS = 1500
/** A sample is the best of several runs, but on a slow device takes no more of them once it has taken so long. */
const SAMPLE_MS = 3000

/** @param runs at most; @param run gives the rate of one */
export async function bestOf(runs: number, run: () => Promise<number>): Promise<number> {
  const startedAt = performance.now()
  let best = await run()
  for (let left = runs - 1; left > 0 && performance.now() - startedAt < SAMPLE_MS; left--)
    best = Math.max(best, await run())
  return best
}

async function runShards(runner: ShardRunner, first: number, count: number): Promise<number> {
  const startedAt = performance.now()
  for await (const _ of runner.run(first, count, never));
  return performance.now() - startedAt
}

/** Path-steps per second of one job, shard after shard, as in a lease. */
export class PathRate {
  readonly #job: OptionJob
  readonly #runner: ShardRunner
  #next = 0
  #shards = 1

  private constructor(job: OptionJob, runner: ShardRunner) {
    this.#job = job
    this.#runner = runner
  }

  static async open(executor: Executor, job: OptionJob): Promise<PathRate> {
    return new PathRate(job, await executor.prepare(job.job, new Map()))
  }

  /** Until the engine has compiled its best and the executor has found its pace. */
  async warmUp(): Promise<void> {
    for (let spent = 0; spent < WARM_UP_MS; ) {
      const ms = await this.#run()
      spent += ms
      this.#shards = Math.max(1, Math.round((this.#shards * RUN_MS) / ms))
    }
  }

  /** @returns millions of path-steps per second, the best of `runs` */
  async best(runs: number): Promise<number> {
    return bestOf(
      runs,
      async () => (this.#shards * this.#job.path_steps_per_shard) / (await this.#run()) / 1000,
    )
  }

  async #run(): Promise<number> {
    const first = this.#next
    this.#next += this.#shards
    return runShards(this.#runner, first, this.#shards)
  }
}

/** Operations per second of a whole product: from the operands' bytes, through every shard, to the last leaf. */
export class ProductRate {
  readonly #executor: Executor
  readonly #job: ProductJob
  #shardsOnly = 0

  constructor(executor: Executor, job: ProductJob) {
    this.#executor = executor
    this.#job = job
  }

  async warmUp(): Promise<void> {
    for (let spent = 0; spent < WARM_UP_MS; ) spent += (await this.#run()).total
  }

  /** @returns Gop/s, the best of `runs` */
  async best(runs: number): Promise<number> {
    return bestOf(runs, async () => {
      const { total, shards } = await this.#run()
      this.#shardsOnly = Math.max(this.#shardsOnly, this.#job.operations / shards / 1e6)
      return this.#job.operations / total / 1e6
    })
  }

  /** Gop/s without the packing of the operands, which an agent does once a job: the best of all runs so far. */
  get shardsOnly(): number {
    return this.#shardsOnly
  }

  async #run(): Promise<{ readonly total: number; readonly shards: number }> {
    const startedAt = performance.now()
    const runner = await this.#executor.prepare(this.#job.job, this.#job.inputs())
    try {
      const shards = await runShards(runner, 0, this.#job.job.plan.shard_count)
      return { total: performance.now() - startedAt, shards }
    } finally {
      runner.close()
    }
  }
}
