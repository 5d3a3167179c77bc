import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { ratioToNumber } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import { bytesToWords } from '../../numerics/words.ts'
import {
  checkFan,
  emptyFan,
  FAN_BINS,
  FAN_TIMES,
  type FanSum,
  fanQuantile,
  mergeFan,
  readFan,
} from '../fan.ts'
import type { Convergence, Estimate, Fold } from '../op.ts'
import { shardSamples } from '../samples.ts'
import type { LorenzArgs } from './args.ts'
import { LEAF_WORDS, type LorenzConstants, type LorenzPlan } from './plan.ts'

/** Values of the fan are coordinates plus 64, in units of 2^-23. */
export const BIAS = 64
const UNIT = 2 ** 23
const LARGEST = 2 ** 30

/** Exact sums over runs. */
export interface LorenzSum {
  runs: number
  saturations: number
  /** Of the last x, y, z plus 64. */
  readonly last: bigint[]
  readonly fan: FanSum
}

function readLeaf(bytes: Uint8Array): LorenzSum {
  const words = bytesToWords(bytes)
  invariant(words.length === LEAF_WORDS, `a leaf of ${LEAF_WORDS} words`)
  return {
    runs: words[0] as number,
    saturations: Number(limbsToBigInt(words, 1, 2)),
    last: [4, 6, 8].map((at) => limbsToBigInt(words, at, 2)),
    fan: readFan(words, 16),
  }
}

function merge(sum: LorenzSum, part: LorenzSum): void {
  sum.runs += part.runs
  sum.saturations += part.saturations
  for (let i = 0; i < 3; i++) sum.last[i] = (sum.last[i] as bigint) + (part.last[i] as bigint)
  mergeFan(sum.fan, part.fan)
}

export const lorenzFold: Fold<LorenzArgs, LorenzConstants, LorenzSum> = {
  empty: () => ({ runs: 0, saturations: 0, last: [0n, 0n, 0n], fan: emptyFan() }),
  add: (sum, _shard, leaf) => merge(sum, readLeaf(leaf)),
  merge,
}

/** The smallest value of a bin; the last one also holds 2^30. */
function edge(bin: number): number {
  return bin === FAN_BINS ? LARGEST + 1 : bin * 2 ** 24
}

/** What every correct leaf satisfies: its shard's runs, states within 64, and the fan's own invariants. */
export function checkLorenzLeaf(plan: LorenzPlan, shard: number, bytes: Uint8Array): string | undefined {
  if (bytes.length !== 4 * LEAF_WORDS) return `a leaf of ${bytes.length} bytes instead of ${4 * LEAF_WORDS}`
  const leaf = readLeaf(bytes)
  const expected = shardSamples(plan, shard)
  if (leaf.runs !== expected) return `${leaf.runs} runs instead of ${expected}`
  const words = bytesToWords(bytes)
  if ([3, 10, 11, 12, 13, 14, 15].some((at) => words[at] !== 0)) return 'words that must be zero are not'
  // Twelve slopes and twelve states a step.
  if (leaf.saturations > leaf.runs * 24 * 4096) return 'more saturations than can be'
  if (leaf.last.some((sum) => sum > BigInt(leaf.runs) * BigInt(LARGEST))) return 'a last state out of range'
  return checkFan(leaf.fan, leaf.runs, edge)
}

/** Mean and standard deviation over the runs at a time, in the unit of the coordinates. */
function momentsAt(sum: LorenzSum, time: number): { mean: number; deviation: number } {
  const n = BigInt(sum.runs)
  const total = sum.fan.sums[time] as bigint
  const spread = n * (sum.fan.squares[time] as bigint) - total * total
  return {
    mean: ratioToNumber(total, n * BigInt(UNIT)) - BIAS,
    deviation: Math.sqrt(ratioToNumber(spread, n * (n - 1n))) / UNIT,
  }
}

/** Mean of the coordinate at the end and its standard error. */
export function estimateLorenz(sum: LorenzSum): Estimate | undefined {
  if (sum.runs < 2) return undefined
  const { mean, deviation } = momentsAt(sum, FAN_TIMES - 1)
  return { samples: sum.runs, value: mean, standard_error: deviation / Math.sqrt(sum.runs) }
}

export const lorenzResult = z.strictObject({
  /** Of the coordinate at the end, over the ensemble. */
  mean: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  spread: z.number(),
  /** The first reported time at which the spread is half of its largest; null where that stays below 1 or tenfold the error. */
  horizon: z.number().nullable(),
  /** Mean of x, y, z at the end. */
  last: z.strictObject({ x: z.number(), y: z.number(), z: z.number() }),
  runs: z.int(),
  /** Values that reached 64, or moved by more than 32 in a step, and were held there. */
  saturations: z.int(),
  /** The coordinate over time: mean, standard deviation, and quantiles interpolated within bins of 2. */
  course: z.array(
    z.strictObject({
      time: z.number(),
      mean: z.number(),
      spread: z.number(),
      percent_5: z.number(),
      median: z.number(),
      percent_95: z.number(),
    }),
  ),
  /** Of the coordinate at the end. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type LorenzResult = z.infer<typeof lorenzResult>

/** The result: exact sums, one rounding a number, IEEE operations after that. */
export function reduceLorenz(args: LorenzArgs, sum: LorenzSum, convergence: Convergence): LorenzResult {
  const estimate = estimateLorenz(sum)
  invariant(estimate !== undefined, 'a result over at least two runs')
  const value = (bin: number): number => 2 * bin - BIAS
  const course = Array.from({ length: FAN_TIMES }, (_, time) => {
    const { mean, deviation } = momentsAt(sum, time)
    const quantile = (p: number): number => fanQuantile(sum.fan, time, sum.runs, p, value)
    return {
      time: Math.floor(((time + 1) * args.steps) / FAN_TIMES) * args.time_step,
      mean,
      spread: deviation,
      percent_5: quantile(0.05),
      median: quantile(0.5),
      percent_95: quantile(0.95),
    }
  })
  const largest = course.reduce((most, { spread }) => Math.max(most, spread), 0)
  const grows = largest > 1 && largest > 10 * args.initial_error
  const last = (i: number): number =>
    ratioToNumber(sum.last[i] as bigint, BigInt(sum.runs) * BigInt(UNIT)) - BIAS
  return {
    mean: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    spread: momentsAt(sum, FAN_TIMES - 1).deviation,
    horizon: grows ? (course.find(({ spread }) => 2 * spread >= largest)?.time ?? null) : null,
    last: { x: last(0), y: last(1), z: last(2) },
    runs: sum.runs,
    saturations: sum.saturations,
    course,
    histogram: {
      edges: Array.from({ length: FAN_BINS + 1 }, (_, bin) => value(bin)),
      counts: Array.from(sum.fan.bins.subarray(FAN_BINS * (FAN_TIMES - 1))),
    },
    convergence: convergence.map((point) => ({ ...point })),
  }
}
