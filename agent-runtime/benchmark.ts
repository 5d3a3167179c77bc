import type { ContractInput } from '../kernel/contract.ts'
import type { OpRegistry } from '../kernel/job.ts'
import { goldenOperand } from '../kernel/ops/golden.ts'
import type { GoldenContract } from '../kernel/ops/op.ts'
import { inputsOf } from '../kernel/ops/operand.ts'
import { type Clock, throwIfAborted } from './clock.ts'
import type { Executor } from './executor.ts'
import type { GoldenJob } from './golden.ts'

/** Op families that have a timing job, in the order in which they are timed. */
export const FAMILIES = ['mc', 'tensor', 'ensemble', 'media'] as const
export type Family = (typeof FAMILIES)[number]

/** What an executor did on a family's timing job. */
export interface FamilySpeed {
  readonly family: Family
  /** The op that was timed. */
  readonly op: string
  readonly work_units_per_s: number
}

/** Timing a family goes on until a device has shown this much work. */
const TIMING_MS = 120
/** At most so many shards in a run, for each that the executor computes side by side. */
const TIMING_SHARDS_MAX = 1024
/** No family is begun after this: a slow device is known to be slow. */
const BUDGET_MS = 1500

/** 64 tiles: enough for the threads of any machine. */
const SIDE = 2048
const DEPTH = 256
const CONTRACTS: Readonly<Record<Family, () => Pick<ContractInput, 'op'> & GoldenContract>> = {
  // European options of 52 steps, about 0.06 s of one CPU core a shard.
  mc: () => ({
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: {
      spot: 100,
      strike: 105,
      rate: 0.03,
      volatility: 0.25,
      maturity_years: 0.5,
      steps: 52,
      paths: 2 ** 30,
      style: 'european',
      right: 'call',
    },
  }),
  tensor: () => ({
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: {},
    operands: { a: goldenOperand('int8', [SIDE, DEPTH], 1), b: goldenOperand('int8', [DEPTH, SIDE], 2) },
  }),
  ensemble: () => ({
    op: { name: 'ensemble', version: 1, profile: 'sir.v1' },
    args: { population: 100_000, transmission_rate: 0.4, recovery_rate: 0.2, days: 90, runs: 2 ** 26 },
  }),
  media: () => ({
    op: { name: 'media', version: 1, profile: 'mandelbrot.v1' },
    // All of it inside the set: every pixel costs the same.
    args: { center_re: -0.1, span: 0.3, width: 2048, height: 2048, max_iterations: 200 },
  }),
}

/** The timing job of a family. */
export function familyJob(registry: OpRegistry, family: Family): GoldenJob {
  const { op, args, operands } = CONTRACTS[family]()
  const { refs, bytes } = inputsOf(operands ?? {})
  const job = registry.prepare({
    contract: 1,
    op,
    args,
    inputs: refs,
    seed: { mode: 'explicit', value: 'speed' },
    verify: { mode: 'none' },
  } satisfies ContractInput)
  return { job, inputs: bytes }
}

/**
 * Times an executor on one job after another. Where the budget of 1.5 s is spent before the last, only those done count.
 * @throws ForgeError EXECUTOR_FAILED; CANCELLED when `signal` aborts
 */
export async function benchmarkFamilies(
  executor: Executor,
  registry: OpRegistry,
  clock: Clock,
  signal: AbortSignal,
): Promise<FamilySpeed[]> {
  const startedAt = clock.now()
  const speeds: FamilySpeed[] = []
  for (const family of FAMILIES) {
    if (speeds.length > 0 && clock.now() - startedAt >= BUDGET_MS) break
    const timed = familyJob(registry, family)
    const work_units_per_s = await measureSpeed(executor, timed, clock, signal)
    speeds.push({ family, op: timed.job.op, work_units_per_s })
  }
  return speeds
}

/**
 * How many times as fast as `b` an executor `a` is: the geometric mean over the families that both were timed on, so
 * that no family's unit weighs more than another's.
 */
export function speedRatio(a: readonly FamilySpeed[], b: readonly FamilySpeed[]): number {
  const logs = a.flatMap(({ family, work_units_per_s }) => {
    const other = b.find((speed) => speed.family === family)
    return other === undefined ? [] : [Math.log(work_units_per_s / other.work_units_per_s)]
  })
  return Math.exp(logs.reduce((sum, log) => sum + log, 0) / Math.max(1, logs.length))
}

/** One number for a hub that knows nothing else yet: the geometric mean, work units a second. */
export function overallSpeed(speeds: readonly FamilySpeed[]): number {
  return speedRatio(
    speeds,
    speeds.map((speed) => ({ ...speed, work_units_per_s: 1 })),
  )
}

/** @returns work units per second; the first run, which warms caches and finds the dispatch size, does not count */
export async function measureSpeed(
  executor: Executor,
  { job, inputs }: GoldenJob,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const units = job.plan.work_units / job.plan.shard_count
  const { width } = executor
  const most = Math.min(TIMING_SHARDS_MAX * width, job.plan.shard_count)
  const runner = await executor.prepare(job, inputs)
  try {
    for (let count = Math.min(width, most), warm = false; ; warm = true) {
      const startedAt = clock.now()
      for await (const _ of runner.run(0, count, signal)) throwIfAborted(signal)
      const elapsed_ms = Math.max(clock.now() - startedAt, 0.01)
      const speed = (1000 * count * units) / elapsed_ms
      if (warm && (elapsed_ms >= TIMING_MS || count === most)) return speed
      // Slow enough that the first shard's start does not matter.
      if (elapsed_ms >= 4 * TIMING_MS) return speed
      // As many as should take a little longer than it takes to be sure, but no leap on the word of one fast run.
      const wanted = Math.ceil((1.5 * count * TIMING_MS) / elapsed_ms / width) * width
      count = Math.min(most, Math.max(count, Math.min(wanted, 8 * count)))
    }
  } finally {
    runner.close()
  }
}
