import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { fixedToNumber, ratioToNumber } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import { bytesToWords } from '../../numerics/words.ts'
import type { Convergence, Estimate, Fold } from '../op.ts'
import { shardSamples } from '../samples.ts'
import type { PortfolioArgs } from './args.ts'
import {
  BODY_BINS,
  grossExposure,
  LEAF_WORDS,
  linearMoments,
  normalDensityQ64,
  normalQuantileQ64,
  type PortfolioConstants,
  type PortfolioPlan,
  relative,
  TAIL_AT,
  TAIL_BINS,
} from './plan.ts'

/** The largest |loss| in Q24: ratios below 64 by weights that sum to 1, and half a unit a position. */
const MAX_LOSS = 2 ** 30 + 16
const BIAS = 2 ** 31
const UNIT = 2 ** 24

/** Exact sums over leaves; losses relative to the gross exposure in Q24. */
export interface PortfolioSum {
  paths: number
  saturated: number
  largest: number
  losses: bigint
  squares: bigint
  readonly body: Float64Array
  readonly tail: Float64Array
  /** Sum of loss - tail_start by bin. */
  readonly tailSums: bigint[]
}

function emptySum(): PortfolioSum {
  return {
    paths: 0,
    saturated: 0,
    largest: -MAX_LOSS,
    losses: 0n,
    squares: 0n,
    body: new Float64Array(BODY_BINS),
    tail: new Float64Array(TAIL_BINS),
    tailSums: new Array<bigint>(TAIL_BINS).fill(0n),
  }
}

function readLeaf(bytes: Uint8Array): PortfolioSum {
  const words = bytesToWords(bytes)
  invariant(words.length === LEAF_WORDS, `a leaf of ${LEAF_WORDS} words`)
  const paths = words[0] as number
  return {
    paths,
    saturated: words[1] as number,
    largest: (words[3] as number) - BIAS,
    losses: limbsToBigInt(words, 4, 4) - BigInt(paths) * BigInt(BIAS),
    squares: limbsToBigInt(words, 8, 4),
    body: Float64Array.from(words.subarray(16, TAIL_AT)),
    tail: Float64Array.from({ length: TAIL_BINS }, (_, bin) => words[TAIL_AT + 3 * bin] as number),
    tailSums: Array.from({ length: TAIL_BINS }, (_, bin) => limbsToBigInt(words, TAIL_AT + 3 * bin + 1, 2)),
  }
}

function merge(sum: PortfolioSum, part: PortfolioSum): void {
  sum.paths += part.paths
  sum.saturated += part.saturated
  if (part.largest > sum.largest) sum.largest = part.largest
  sum.losses += part.losses
  sum.squares += part.squares
  for (let bin = 0; bin < BODY_BINS; bin++)
    sum.body[bin] = (sum.body[bin] as number) + (part.body[bin] as number)
  for (let bin = 0; bin < TAIL_BINS; bin++) {
    sum.tail[bin] = (sum.tail[bin] as number) + (part.tail[bin] as number)
    sum.tailSums[bin] = (sum.tailSums[bin] as bigint) + (part.tailSums[bin] as bigint)
  }
}

export const portfolioFold: Fold<PortfolioArgs, PortfolioConstants, PortfolioSum> = {
  empty: emptySum,
  add: (sum, _shard, leaf) => merge(sum, readLeaf(leaf)),
  merge,
}

const total = (counts: Float64Array): number => counts.reduce((sum, count) => sum + count, 0)

/**
 * What every correct leaf satisfies: its shard's paths, each in one bin of the body, the worst loss within range and in
 * the bins that it belongs to, moments within bounds and in Cauchy-Schwarz, sums of tail bins within their edges.
 */
export function checkPortfolioLeaf(
  plan: PortfolioPlan,
  shard: number,
  bytes: Uint8Array,
): string | undefined {
  if (bytes.length !== 4 * LEAF_WORDS) return `a leaf of ${bytes.length} bytes instead of ${4 * LEAF_WORDS}`
  const leaf = readLeaf(bytes)
  const { terms, tail_start, tail_shift } = plan.constants
  const expected = shardSamples(plan, shard)
  if (leaf.paths !== expected) return `${leaf.paths} paths instead of ${expected}`
  if (leaf.saturated > leaf.paths * (terms.length + 1)) return 'more saturations than can be'
  if (leaf.largest > MAX_LOSS || leaf.largest < -MAX_LOSS) return 'a worst loss out of range'
  if (total(leaf.body) !== leaf.paths) return `${total(leaf.body)} losses in bins for ${leaf.paths} paths`
  const n = BigInt(leaf.paths)
  if (leaf.losses > n * BigInt(leaf.largest) || leaf.losses < -n * BigInt(MAX_LOSS))
    return 'a sum of losses out of bounds'
  if (leaf.losses * leaf.losses > n * leaf.squares) return 'moments against Cauchy-Schwarz'
  if (leaf.squares > n * BigInt(MAX_LOSS) * BigInt(MAX_LOSS)) return 'a sum of squares out of bounds'
  if (total(leaf.tail) > leaf.paths) return 'more losses in the tail than paths'
  let highest = -1
  for (let bin = 0; bin < TAIL_BINS; bin++) {
    const count = BigInt(leaf.tail[bin] as number)
    const sum = leaf.tailSums[bin] as bigint
    if (count > 0n) highest = bin
    const low = BigInt(bin) << BigInt(tail_shift)
    const high =
      bin === TAIL_BINS - 1 ? BigInt(leaf.largest - tail_start) : low + (1n << BigInt(tail_shift)) - 1n
    if (sum < count * low || (count === 0n ? sum !== 0n : sum > count * high))
      return `the sum of tail bin ${bin} does not fit its edges`
  }
  const above = leaf.largest - tail_start
  const worst = above < 0 ? -1 : Math.min(Math.floor(above / 2 ** tail_shift), TAIL_BINS - 1)
  if (highest !== worst) return 'the worst loss is not in the highest bin of the tail'
  return undefined
}

interface TailRisk {
  readonly value_at_risk: number
  /** The bin that the value at risk lies in. */
  readonly low: number
  readonly high: number
  readonly standard_error: number
  readonly expected_shortfall: number
  readonly expected_shortfall_error: number
  /** Outcomes in the bin that the value at risk lies in. */
  readonly in_bin: number
}

/**
 * Value at risk and expected shortfall in units of Q24, in doubles in a fixed order. The quantile is interpolated within
 * its bin; the shortfall takes exact sums of the bins beyond it. Standard errors: sqrt(p (1 - p) / n) over the density
 * about the quantile, and the spread of the tail by bins (Manistre and Hancock, NAAJ 9(2), 2005).
 */
function tailRisk(args: PortfolioArgs, c: PortfolioConstants, sum: PortfolioSum): TailRisk {
  const n = sum.paths
  const p = args.confidence
  const target = p * n
  const tailStart = n - total(sum.tail)
  let before = 0
  let low: number
  let high: number
  let count: number
  let width: number
  // Sum of the losses in the bins above.
  let above = 0
  let squaresAbove = 0
  if (target < tailStart) {
    // Below the fine bins: by the coarse ones, which hold counts only.
    let bin = 0
    while (bin < BODY_BINS - 1 && before + (sum.body[bin] as number) <= target)
      before += sum.body[bin++] as number
    width = 2 ** c.body_shift
    low = c.body_start + bin * width
    high = low + width
    count = sum.body[bin] as number
    for (let b = bin + 1; b < BODY_BINS; b++) {
      const middle = c.body_start + (b + 0.5) * width
      above += (sum.body[b] as number) * middle
      squaresAbove += (sum.body[b] as number) * middle * middle
    }
  } else {
    before = tailStart
    let bin = 0
    while (bin < TAIL_BINS - 1 && before + (sum.tail[bin] as number) <= target)
      before += sum.tail[bin++] as number
    width = 2 ** c.tail_shift
    low = c.tail_start + bin * width
    high = bin === TAIL_BINS - 1 ? Math.max(sum.largest, low + 1) : low + width
    count = sum.tail[bin] as number
    for (let b = bin + 1; b < TAIL_BINS; b++) {
      const inBin = sum.tail[b] as number
      if (inBin === 0) continue
      const losses = Number(sum.tailSums[b] as bigint) + inBin * c.tail_start
      above += losses
      squaresAbove += (losses * losses) / inBin
    }
  }
  const part = count === 0 ? 1 : Math.min(Math.max((target - before) / count, 0), 1)
  const value = low + part * (high - low)
  // Losses of this bin beyond the quantile lie between it and the bin's upper edge.
  const rest = Math.max(before + count - target, 0)
  const middle = (value + high) / 2
  const beyond = Math.max(n - target, 1e-9)
  const shortfall = Math.max((above + rest * middle) / beyond, value)
  const variance = Math.max((squaresAbove + rest * middle * middle) / beyond - shortfall * shortfall, 0)
  const density = Math.max(count, 1) / (n * (high - low))
  return {
    value_at_risk: value,
    low,
    high,
    standard_error: Math.sqrt((p * (1 - p)) / n) / density,
    expected_shortfall: shortfall,
    expected_shortfall_error: Math.sqrt(
      (variance + p * (shortfall - value) * (shortfall - value)) / (n * (1 - p)),
    ),
    in_bin: count,
  }
}

/** Value at risk in currency. */
export function estimatePortfolio(
  args: PortfolioArgs,
  plan: PortfolioPlan,
  sum: PortfolioSum,
): Estimate | undefined {
  if (sum.paths < 2) return undefined
  const unit = grossNumber(args) / UNIT
  const risk = tailRisk(args, plan.constants, sum)
  return {
    samples: sum.paths,
    value: risk.value_at_risk * unit,
    standard_error: risk.standard_error * unit,
  }
}

/** Outcomes beyond the value at risk, and in its bin, whose count gives the density of its standard error. */
export function tailOutcomes(args: PortfolioArgs, plan: PortfolioPlan, sum: PortfolioSum): readonly number[] {
  return [Math.floor(sum.paths * (1 - args.confidence)), tailRisk(args, plan.constants, sum).in_bin]
}

function grossNumber(args: PortfolioArgs): number {
  const { num, den } = grossExposure(args)
  return ratioToNumber(num, den)
}

export const portfolioResult = z.strictObject({
  /** The loss that is not exceeded with the confidence asked for, in currency; negative: a gain. */
  value_at_risk: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  /** The bin of the distribution that holds the value at risk. */
  value_at_risk_bin: z.strictObject({ low: z.number(), high: z.number() }),
  /** Mean loss of the outcomes beyond the value at risk. */
  expected_shortfall: z.number(),
  expected_shortfall_error: z.number(),
  mean_loss: z.number(),
  mean_loss_error: z.number(),
  standard_deviation: z.number(),
  worst_loss: z.number(),
  gross_exposure: z.number(),
  paths: z.int(),
  /** Values that left the range of their format and count at its end. */
  saturated: z.int(),
  /** With simple returns and normal tails the loss is normal: its exact risk. Otherwise that of the same moments. */
  normal: z.strictObject({
    exact: z.boolean(),
    value_at_risk: z.number(),
    expected_shortfall: z.number(),
    standard_deviation: z.number(),
  }),
  scenarios: z.array(z.strictObject({ name: z.string(), loss: z.number() })),
  /** Of all losses; the first and the last bin also hold what lies beyond. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type PortfolioResult = z.infer<typeof portfolioResult>

/** The result: exact sums, then IEEE operations in this order. */
export function reducePortfolio(
  args: PortfolioArgs,
  plan: PortfolioPlan,
  sum: PortfolioSum,
  convergence: Convergence,
): PortfolioResult {
  const c = plan.constants
  const gross = grossNumber(args)
  const unit = gross / UNIT
  const risk = tailRisk(args, c, sum)
  const n = BigInt(sum.paths)
  const mean = ratioToNumber(sum.losses, n)
  const deviation = Math.sqrt(ratioToNumber(n * sum.squares - sum.losses * sum.losses, n * (n - 1n)))
  const linear = linearMoments(args)
  const quantile = normalQuantileQ64(args.confidence)
  const sigma = relative(linear.deviation)
  const shift = relative(linear.mean)
  const tailMean = fixedToNumber(normalDensityQ64(quantile), 64) / (1 - args.confidence)
  const value = risk.value_at_risk * unit
  const standardError = risk.standard_error * unit
  return {
    value_at_risk: value,
    standard_error: standardError,
    interval_95: interval95(value, standardError),
    value_at_risk_bin: { low: risk.low * unit, high: risk.high * unit },
    expected_shortfall: risk.expected_shortfall * unit,
    expected_shortfall_error: risk.expected_shortfall_error * unit,
    mean_loss: mean * unit,
    mean_loss_error: (deviation * unit) / Math.sqrt(sum.paths),
    standard_deviation: deviation * unit,
    worst_loss: sum.largest * unit,
    gross_exposure: gross,
    paths: sum.paths,
    saturated: sum.saturated,
    normal: {
      exact: args.returns === 'simple' && args.tails === 'normal',
      value_at_risk: (fixedToNumber(quantile, 64) * sigma + shift) * gross,
      expected_shortfall: (tailMean * sigma + shift) * gross,
      standard_deviation: sigma * gross,
    },
    scenarios: args.scenarios.map(({ name, shocks }) => ({
      name,
      loss: args.positions.reduce((loss, { exposure }, i) => loss - exposure * (shocks[i] as number), 0),
    })),
    histogram: {
      edges: Array.from(
        { length: BODY_BINS + 1 },
        (_, bin) => (c.body_start + bin * 2 ** c.body_shift) * unit,
      ),
      counts: Array.from(sum.body),
    },
    convergence: convergence.map((point) => ({ ...point })),
  }
}
