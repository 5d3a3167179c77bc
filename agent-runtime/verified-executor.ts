import { sha256Hex } from '../kernel/digest.ts'
import { ForgeError, invariant } from '../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../kernel/job.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import { type Clock, throwIfAborted } from './clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from './executor.ts'
import { GOLDEN_DIGESTS } from './generated/golden-digests.ts'
import { goldenJobs } from './golden.ts'

/** One golden shard on one executor. */
export interface GoldenCheck {
  readonly op: string
  readonly expected: string
  readonly actual: string
  readonly ok: boolean
  readonly ms: number
}

/** After this an op's golden shards are run again before its next lease. */
const CHECK_LASTS_MS = 15 * 60_000

/**
 * An executor that may not run an op before it has given the right bytes on that op's golden shards, and that
 * proves it again from time to time. Tier A is pass or fail (docs: canonical numerics).
 */
export class VerifiedExecutor implements Executor {
  readonly #inner: Executor
  readonly #registry: OpRegistry
  readonly #clock: Clock
  readonly #heard: (check: GoldenCheck) => void
  readonly #checks = new Map<
    string,
    { readonly until: number; readonly generation: number; readonly passed: Promise<void> }
  >()

  constructor(
    inner: Executor,
    registry: OpRegistry,
    clock: Clock,
    heard: (check: GoldenCheck) => void = () => {},
  ) {
    this.#inner = inner
    this.#registry = registry
    this.#clock = clock
    this.#heard = heard
  }

  get kind() {
    return this.#inner.kind
  }

  get label() {
    return this.#inner.label
  }

  get width() {
    return this.#inner.width
  }

  get memory_bytes() {
    return this.#inner.memory_bytes
  }

  get generation() {
    return this.#inner.generation ?? 0
  }

  /** @throws ForgeError EXECUTOR_FAILED when a golden shard of the op comes out wrong; CANCELLED */
  verify(op: string, signal: AbortSignal = new AbortController().signal): Promise<void> {
    const now = this.#clock.now()
    const known = this.#checks.get(op)
    const { generation } = this
    if (known !== undefined && now < known.until && generation === known.generation) return known.passed
    const passed = this.#check(op, signal)
    this.#checks.set(op, { until: now + CHECK_LASTS_MS, generation, passed })
    // Whoever awaits it hears of a failure; nobody has to. Only a verdict on the executor is remembered: a check that
    // was cut short says nothing.
    passed.catch((error: unknown) => {
      const verdict = error instanceof ForgeError && error.code === 'EXECUTOR_FAILED'
      if (!verdict && this.#checks.get(op)?.passed === passed) this.#checks.delete(op)
    })
    return passed
  }

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    await this.verify(job.op)
    const runner = await this.#inner.prepare(job, inputs)
    return {
      run: (first, count, signal, rests) => this.#run(job.op, runner.run(first, count, signal, rests)),
      close: () => runner.close(),
    }
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  async *#run(op: string, leaves: AsyncIterable<ShardLeaf>): AsyncGenerator<ShardLeaf> {
    let { generation } = this
    await this.verify(op)
    for await (const leaf of leaves) {
      // Lost and opened again on the way: what the new device computed is given away once it has proved itself.
      if (generation !== this.generation) {
        await this.verify(op)
        generation = this.generation
      }
      yield leaf
    }
  }

  async #check(op: string, signal: AbortSignal): Promise<void> {
    for (const [index, { job, inputs }] of goldenJobs(this.#registry, op).entries()) {
      throwIfAborted(signal)
      const digests = GOLDEN_DIGESTS[op]?.[index]
      const runner = await this.#inner.prepare(job, inputs)
      try {
        const startedAt = this.#clock.now()
        for await (const { shard, leaf } of runner.run(0, job.plan.shard_count, signal)) {
          const ms = this.#clock.now() - startedAt
          const expected = digests?.[shard]
          invariant(expected !== undefined, `shard ${shard} of golden job ${index} of ${op} has a digest`)
          const actual = sha256Hex(leaf)
          const ok = expected === actual
          this.#heard({ op, expected, actual, ok, ms })
          if (!ok) {
            throw new ForgeError(
              'EXECUTOR_FAILED',
              `the golden shard of ${op} came out wrong on ${this.label}`,
              {
                hint: 'This device does not compute exactly; the CPU executor does.',
              },
            )
          }
        }
      } finally {
        runner.close()
      }
    }
  }
}
