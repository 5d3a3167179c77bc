import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { integerSqrt, ratioToNumber } from '../../numerics/bigmath.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import { bytesToWords } from '../../numerics/words.ts'
import type { Convergence, Estimate, Fold } from '../op.ts'
import { shardSamples } from '../samples.ts'
import type { BootstrapArgs } from './args.ts'
import { HEADER_WORDS } from './column.ts'
import { type BootstrapConstants, type BootstrapPlan, leafWords } from './plan.ts'

const LEVELS = 2 ** 24 - 1

type Statistic = BootstrapArgs['statistic']

/** The statistics by shard, and the header of the lowest shard: the same in every correct leaf. */
export interface BootstrapSum {
  readonly statistic: Statistic
  readonly size: number
  readonly shards: Map<number, Float64Array>
  header: { readonly shard: number; readonly words: Uint32Array } | undefined
}

/**
 * The statistic from its words: a mean or quantile in levels, in [0, 2^24), or a correlation; 0 where a column is
 * constant. Exact but for one rounding; the root of the variances' product carries 64 bits more than its integer part.
 */
function statisticOf(statistic: Statistic, n: number, words: Uint32Array, at: number): number {
  const sum = (index: number): bigint => limbsToBigInt(words, at + 2 * index, 2)
  if (statistic === 'mean') return ratioToNumber(sum(0), BigInt(Math.max(n, 1)))
  if (statistic === 'quantile') return words[at] as number
  const count = BigInt(n)
  const [x, y, xy] = [sum(0), sum(1), sum(4)]
  const spread = (count * sum(2) - x * x) * (count * sum(3) - y * y)
  const root = integerSqrt(spread << 128n)
  return root === 0n ? 0 : ratioToNumber((count * xy - x * y) << 64n, root)
}

export const bootstrapFold: Fold<BootstrapArgs, BootstrapConstants, BootstrapSum> = {
  empty: ({ constants }, { statistic }) => ({
    statistic,
    size: constants.statistic_words,
    shards: new Map(),
    header: undefined,
  }),
  add(sum, shard, leaf) {
    const words = bytesToWords(leaf)
    if (sum.header === undefined || shard < sum.header.shard)
      sum.header = { shard, words: words.slice(0, HEADER_WORDS) }
    const values = Float64Array.from({ length: words[1] as number }, (_, i) =>
      statisticOf(sum.statistic, words[0] as number, words, HEADER_WORDS + sum.size * i),
    )
    sum.shards.set(shard, values)
  },
  merge(sum, other) {
    for (const [shard, values] of other.shards) sum.shards.set(shard, values)
    if (other.header !== undefined && (sum.header === undefined || other.header.shard < sum.header.shard))
      sum.header = other.header
  },
}

/**
 * What every correct leaf satisfies: rows and resamples of the plan, and of the rows themselves and of each resample a
 * statistic within the bounds of its levels, moments in Cauchy-Schwarz; zeros after the last resample.
 */
export function checkBootstrapLeaf(
  plan: BootstrapPlan,
  shard: number,
  bytes: Uint8Array,
): string | undefined {
  const { log2_shard_paths, statistic_words: size, rows } = plan.constants
  const length = leafWords(size, log2_shard_paths)
  if (bytes.length !== 4 * length) return `a leaf of ${bytes.length} bytes instead of ${4 * length}`
  const words = bytesToWords(bytes)
  const n = words[0] as number
  const resamples = shardSamples(plan, shard)
  if (n > rows) return `${n} rows of ${rows}`
  if (words[1] !== resamples) return `${words[1]} resamples instead of ${resamples}`
  for (let at = 2; at < 10; at += 2) {
    const edge = doubleAt(words, at)
    if (!(Math.abs(edge) <= 2 ** 400)) return 'an end of a column that is no number of it'
  }
  const end = HEADER_WORDS + size * resamples
  if (words.subarray(10, 14).some((word) => word !== 0) || words.subarray(end).some((word) => word !== 0))
    return 'words that must be zero are not'
  for (let i = -1; i < resamples; i++) {
    const complaint = checkStatistic(words, i < 0 ? 14 : HEADER_WORDS + size * i, size, n)
    if (complaint !== undefined) return complaint
  }
  return undefined
}

function checkStatistic(words: Uint32Array, at: number, size: number, n: number): string | undefined {
  const count = BigInt(n)
  const most = count * BigInt(LEVELS)
  const sum = (index: number): bigint => limbsToBigInt(words, at + 2 * index, 2)
  // A quantile is one level, which is at most the sum of n.
  if (sum(0) > most) return 'a statistic out of range'
  if (size === 2) return undefined
  const [x, y, xx, yy, xy] = [sum(0), sum(1), sum(2), sum(3), sum(4)]
  if (y > most || xx > most * BigInt(LEVELS) || yy > most * BigInt(LEVELS)) return 'a sum out of range'
  if (x * x > count * xx || y * y > count * yy || xy * xy > xx * yy) return 'moments against Cauchy-Schwarz'
  return undefined
}

/** A statistic in the unit of the data. */
function inData(statistic: Statistic, header: Uint32Array, value: number): number {
  if (statistic === 'correlation') return value
  const [low, high] = [doubleAt(header, 2), doubleAt(header, 4)]
  return low + (value / LEVELS) * (high - low)
}

function doubleAt(words: Uint32Array, at: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint32(0, words[at + 1] as number)
  view.setUint32(4, words[at] as number)
  return view.getFloat64(0)
}

/** All statistics in the unit of the data, in the order of the shards. */
function valuesOf(sum: BootstrapSum): number[] {
  const header = sum.header?.words
  if (header === undefined) return []
  return [...sum.shards.keys()]
    .sort((a, b) => a - b)
    .flatMap((shard) => Array.from(sum.shards.get(shard) as Float64Array))
    .map((value) => inData(sum.statistic, header, value))
}

/** Mean and standard deviation over the resamples, in IEEE operations in this order. */
function momentsOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((total, value) => total + value, 0) / values.length
  const spread = values.reduce((total, value) => total + (value - mean) * (value - mean), 0)
  return { mean, deviation: Math.sqrt(spread / Math.max(values.length - 1, 1)) }
}

/** Mean of the statistic over the resamples. */
export function estimateBootstrap(sum: BootstrapSum): Estimate | undefined {
  const values = valuesOf(sum)
  if (values.length < 2) return undefined
  const { mean, deviation } = momentsOf(values)
  return { samples: values.length, value: mean, standard_error: deviation / Math.sqrt(values.length) }
}

const BINS = 64
const interval = z.strictObject({ low: z.number(), high: z.number() })

export const bootstrapResult = z.strictObject({
  /** The statistic of the rows themselves. */
  value: z.number(),
  /** Its bootstrap standard error: the standard deviation over the resamples. */
  standard_error: z.number(),
  /** Mean over the resamples less the value. */
  bias: z.number(),
  /** The 2.5 % and 97.5 % points of the resamples. */
  percentile_interval: interval,
  /** Twice the value less those points: the reflected interval. */
  basic_interval: interval,
  /** Rows used, and rows left out because a number is not finite or beyond 2^400. */
  rows: z.int(),
  left_out: z.int(),
  resamples: z.int(),
  /** The spacing of values; 0 for a correlation, whose columns have 2^24 levels each, of more than 32,000 rows 2^21. */
  resolution: z.number(),
  /** Of the statistic over the resamples. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type BootstrapResult = z.infer<typeof bootstrapResult>

export function reduceBootstrap(
  plan: BootstrapPlan,
  sum: BootstrapSum,
  convergence: Convergence,
): BootstrapResult {
  const header = sum.header?.words
  invariant(header !== undefined, 'a result over at least one shard')
  const rows = header[0] as number
  const value = inData(sum.statistic, header, statisticOf(sum.statistic, rows, header, 14))
  const values = valuesOf(sum)
  const { mean, deviation } = momentsOf(values)
  const sorted = Float64Array.from(values).sort()
  // The value of rank ceil(p n), from 1.
  const point = (num: number, den: number): number =>
    sorted[Math.max(Math.ceil((sorted.length * num) / den), 1) - 1] as number
  const [low, high] = [point(25, 1000), point(975, 1000)]
  return {
    value,
    standard_error: deviation,
    bias: mean - value,
    percentile_interval: { low, high },
    basic_interval: { low: 2 * value - high, high: 2 * value - low },
    rows,
    left_out: plan.constants.rows - rows,
    resamples: values.length,
    resolution: sum.statistic === 'correlation' ? 0 : (doubleAt(header, 4) - doubleAt(header, 2)) / LEVELS,
    histogram: histogramOf(sorted),
    convergence: convergence.map((entry) => ({ ...entry })),
  }
}

/** Equal bins from the least to the largest of sorted values. */
function histogramOf(sorted: Float64Array): BootstrapResult['histogram'] {
  const low = sorted[0] as number
  const width = ((sorted.at(-1) as number) - low) / BINS
  if (!(width > 0)) return { edges: [low, low], counts: [sorted.length] }
  const counts = new Array<number>(BINS).fill(0)
  for (const value of sorted) {
    const bin = Math.min(Math.floor((value - low) / width), BINS - 1)
    counts[bin] = (counts[bin] as number) + 1
  }
  return { edges: Array.from({ length: BINS + 1 }, (_, bin) => low + bin * width), counts }
}
