import { z } from 'zod'
import { invariant } from '../../errors.ts'
import {
  exactRational,
  expQ,
  fixedToNumber,
  type Rational,
  ratioToNumber,
  shiftRound,
  toFixedQ,
} from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import { bytesToWords } from '../../numerics/words.ts'
import type { Convergence, Estimate, Fold, LeafRange } from '../op.ts'
import { discountQ, OPTION_Q as P } from '../option.ts'
import type { GbmArgs } from './args.ts'
import {
  addDifference,
  checkDifference,
  type DifferenceSum,
  gbmGreeks,
  greeksOf,
  readDifference,
} from './greeks.ts'
import {
  BINS,
  DIGITAL_PAYOFF,
  type GbmConstants,
  type GbmPlan,
  GREEK_WORDS,
  LEAF_WORDS,
  shardPathCount,
} from './plan.ts'
import { GREEKS, type Greek } from './scenarios.ts'

/** Exact sums over leaves. The numbers count paths or ratios, below 2^52. */
export interface GbmAggregate {
  paths: number
  zeros: number
  saturated: number
  /** Q(F). */
  largest: number
  /** Sum of payoffs, Q(F). */
  payoffs: bigint
  /** Sum of squared payoffs, Q(2 F). */
  squares: bigint
  /** Sum of terminal ratios, Q(F). */
  terminals: bigint
  /** Of the nonzero payoffs. */
  readonly bins: Float64Array
  /** Of each Greek, in the order of GREEKS; none where the contract asks for none. */
  readonly greeks: DifferenceSum[]
}

interface Leaf extends Omit<GbmAggregate, 'bins'> {
  readonly bins: Uint32Array
}

/** Words of the leaf that was read last. */
const room = new Uint32Array(LEAF_WORDS + GREEKS.length * GREEK_WORDS)

/**
 * Layout of a leaf's words: see shaders/mc/gbm.v1.wgsl and shaders/mc/gbm-scenarios.v1.wgsl.
 * @returns good until the next leaf is read: a copy of each would be most of the memory that a hub goes through
 */
function readLeaf(bytes: Uint8Array): Leaf {
  const words = bytesToWords(bytes, room)
  const greeks = (words.length - LEAF_WORDS) / GREEK_WORDS
  invariant(greeks === 0 || greeks === GREEKS.length, `a leaf of ${LEAF_WORDS} words, and some for Greeks`)
  return {
    paths: words[0] as number,
    zeros: words[1] as number,
    saturated: words[2] as number,
    largest: words[3] as number,
    payoffs: limbsToBigInt(words, 4, 4),
    squares: limbsToBigInt(words, 8, 4),
    terminals: limbsToBigInt(words, 12, 4),
    bins: words.subarray(16, LEAF_WORDS),
    greeks: Array.from({ length: greeks }, (_, i) => readDifference(words, LEAF_WORDS + GREEK_WORDS * i)),
  }
}

export const gbmFold: Fold<GbmArgs, GbmConstants, GbmAggregate> = {
  empty: (_plan, args) => ({
    paths: 0,
    zeros: 0,
    saturated: 0,
    largest: 0,
    payoffs: 0n,
    squares: 0n,
    terminals: 0n,
    bins: new Float64Array(BINS),
    greeks: args.greeks === true ? GREEKS.map(() => ({ plus: 0n, minus: 0n, squares: 0n })) : [],
  }),
  add: (aggregate, _shard, leaf) => accumulate(aggregate, readLeaf(leaf)),
  merge: accumulate,
}

function accumulate(sum: GbmAggregate, part: GbmAggregate | Leaf): void {
  sum.paths += part.paths
  sum.zeros += part.zeros
  sum.saturated += part.saturated
  if (part.largest > sum.largest) sum.largest = part.largest
  sum.payoffs += part.payoffs
  sum.squares += part.squares
  sum.terminals += part.terminals
  addCounts(sum.bins, part.bins)
  for (const [i, greek] of sum.greeks.entries()) addDifference(greek, part.greeks[i] as DifferenceSum)
}

/** By itself: V8 gives up compiled code around it when the numbers of a sum outgrow its small integers, and keeps this. */
function addCounts(sums: Float64Array, counts: ArrayLike<number>): void {
  for (let at = 0; at < sums.length; at++) sums[at] = (sums[at] as number) + (counts[at] as number)
}

/**
 * What every correct leaf satisfies: its shard's path count, every path in one bin or among the zeros, the largest
 * payoff possible and in the highest bin used, every moment within its bounds, Cauchy-Schwarz.
 */
export function checkGbmLeaf(plan: GbmPlan, shard: number, bytes: Uint8Array): string | undefined {
  if (bytes.length !== plan.leaf.max_bytes)
    return `a leaf of ${bytes.length} bytes instead of ${plan.leaf.max_bytes}`
  const leaf = readLeaf(bytes)
  const { max_payoff, ratios_per_path, bin_shift } = plan.constants
  const expected = shardPathCount(plan, shard)
  if (leaf.paths !== expected) return `${leaf.paths} paths instead of ${expected}`
  if (leaf.largest > max_payoff) return 'a payoff above the largest possible'
  if (leaf.saturated > leaf.paths * ratios_per_path) return 'more saturated ratios than ratios'
  let counted = leaf.zeros
  let highest = -1
  for (let bin = 0; bin < BINS; bin++) {
    const count = leaf.bins[bin] as number
    counted += count
    if (count > 0) highest = bin
  }
  if (counted !== leaf.paths) return `${counted} payoffs in zeros and bins for ${leaf.paths} paths`
  const nonzero = BigInt(leaf.paths - leaf.zeros)
  const largest = BigInt(leaf.largest)
  if (highest !== (leaf.largest === 0 ? -1 : Math.min(leaf.largest >>> bin_shift, BINS - 1))) {
    return 'the largest payoff is not in the highest bin'
  }
  if (leaf.payoffs < nonzero || leaf.payoffs > nonzero * largest) return 'a sum of payoffs out of bounds'
  if (leaf.payoffs * leaf.payoffs > nonzero * leaf.squares) return 'moments against Cauchy-Schwarz'
  if (leaf.squares > largest * leaf.payoffs) return 'a sum of squares above largest times sum'
  if (leaf.terminals > BigInt(leaf.paths) * 0x7fffffffn) return 'a sum of terminal ratios out of range'
  return leaf.greeks
    .map((greek, i) => checkDifference(greek, leaf.paths, GREEKS[i] as Greek))
    .find((complaint) => complaint !== undefined)
}

/** One unit of a payoff in currency at exercise: num / den. */
function payoffUnitOf(args: GbmArgs, plan: GbmPlan): Rational {
  if (args.style === 'digital') {
    invariant(args.payout !== undefined, 'a digital option has a payout')
    const { num, den } = exactRational(args.payout)
    return { num, den: den * BigInt(DIGITAL_PAYOFF) }
  }
  const { num, den } = exactRational(args.spot)
  return { num, den: den << BigInt(plan.constants.ratio_bits) }
}

/** A leaf's discounted mean payoff: no payoff is above the largest possible. */
export function gbmRange(args: GbmArgs, plan: GbmPlan): LeafRange {
  const unit = payoffUnitOf(args, plan)
  const most = BigInt(plan.constants.max_payoff) * unit.num * discountQ(args)
  const high = ratioToNumber(most, unit.den << BigInt(P))
  return { figure: 'the price', unit: 'currency', low: 0, high }
}

/**
 * Discounted mean payoff and its standard error in currency. Exact up to the discount factor (2^-160), one rounding
 * to double each, then one square root.
 */
export function estimateGbm(args: GbmArgs, plan: GbmPlan, sum: GbmAggregate): Estimate | undefined {
  if (sum.paths < 2) return undefined
  const unit = payoffUnitOf(args, plan)
  const n = BigInt(sum.paths)
  // One unit of a payoff is unitNum / unitDen of discounted currency.
  const unitNum = unit.num * discountQ(args)
  const unitDen = unit.den << BigInt(P)
  const spread = n * sum.squares - sum.payoffs * sum.payoffs
  return {
    samples: sum.paths,
    value: ratioToNumber(sum.payoffs * unitNum, n * unitDen),
    standard_error: Math.sqrt(
      ratioToNumber(spread * unitNum * unitNum, n * n * (n - 1n) * unitDen * unitDen),
    ),
  }
}

const PERCENTS = [5, 25, 50, 75, 95, 99] as const

const interval = z.strictObject({ low: z.number(), high: z.number() })

export const gbmResult = z.strictObject({
  /** Discounted, in currency. */
  price: z.number(),
  standard_error: z.number(),
  interval_95: interval,
  discount_factor: z.number(),
  paths: z.int(),
  zero_fraction: z.number(),
  /** Ratios beyond the range of the fixed-point format, counted at its upper end. */
  saturated: z.int(),
  /** Martingale check: the mean price at maturity against spot e^((rate - dividend_yield) maturity). */
  forward: z.strictObject({
    estimate: z.number(),
    expected: z.number(),
    standard_error: z.number(),
    z_score: z.number(),
  }),
  /** Largest payoff at exercise, in currency. */
  largest_payoff: z.number(),
  /** Of the nonzero payoffs at exercise: bin i holds edges[i] <= payoff < edges[i + 1]; the last one includes its end. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  /** Payoffs at exercise, zeros included: the quantile lies in [low, high]. */
  quantiles: z.array(z.strictObject({ percent: z.int(), low: z.number(), high: z.number() })),
  /** The spacing of payoffs, in currency. */
  resolution: z.number(),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
  /** Present where the contract asks for them. */
  greeks: gbmGreeks.exactOptional(),
})

export type GbmResult = z.infer<typeof gbmResult>

/** The result, exact to one rounding a number and written in IEEE operations after that. */
export function reduceGbm(
  args: GbmArgs,
  plan: GbmPlan,
  sum: GbmAggregate,
  convergence: Convergence,
): GbmResult {
  const estimate = estimateGbm(args, plan, sum)
  invariant(estimate !== undefined, 'a result over at least two paths')
  const { ratio_bits, bin_shift } = plan.constants
  const spot = exactRational(args.spot)
  const unit = payoffUnitOf(args, plan)
  const currency = (payoff: bigint | number): number => ratioToNumber(BigInt(payoff) * unit.num, unit.den)
  const terminal = ratioToNumber(
    sum.terminals * spot.num,
    (spot.den << BigInt(ratio_bits)) * BigInt(sum.paths),
  )

  // Bins are integers wide; the top of bin i is where the next one begins, except after the largest payoff.
  const used = sum.bins.findLastIndex((count) => count > 0) + 1
  const edge = (bin: number): number =>
    currency(bin === used ? sum.largest : BigInt(bin) << BigInt(bin_shift))
  const counts = Array.from(sum.bins.subarray(0, used))

  return {
    price: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    discount_factor: fixedToNumber(discountQ(args), P),
    paths: sum.paths,
    zero_fraction: sum.zeros / sum.paths,
    saturated: sum.saturated,
    forward: forwardCheck(args, sum, terminal),
    largest_payoff: currency(sum.largest),
    histogram: { edges: used === 0 ? [] : Array.from({ length: used + 1 }, (_, bin) => edge(bin)), counts },
    quantiles: PERCENTS.map((percent) => {
      // The rank of the quantile among the sorted payoffs, from 1.
      let rest = Number((BigInt(sum.paths) * BigInt(percent) + 99n) / 100n) - sum.zeros
      if (rest <= 0) return { percent, low: 0, high: 0 }
      let bin = 0
      while (rest > (counts[bin] as number)) rest -= counts[bin++] as number
      return { percent, low: edge(bin), high: edge(bin + 1) }
    }),
    resolution: currency(1),
    convergence: convergence.map((point) => ({ ...point })),
    ...(args.greeks === true ? { greeks: greeksOf(args, unit, sum.paths, sum.greeks) } : {}),
  }
}

/** E S_T = spot e^((rate - dividend_yield) maturity); its relative variance is e^(volatility^2 maturity) - 1. */
function forwardCheck(args: GbmArgs, sum: GbmAggregate, estimate: number): GbmResult['forward'] {
  const years = toFixedQ(args.maturity_years, P)
  const carry = toFixedQ(args.rate, P) - toFixedQ(args.dividend_yield, P)
  const sigma = toFixedQ(args.volatility, P)
  const growth = expQ(shiftRound(carry * years, P), P)
  const variance = expQ(shiftRound(sigma * sigma * years, 2 * P), P) - (1n << BigInt(P))
  const spot = exactRational(args.spot)
  const expected = ratioToNumber(spot.num * growth, spot.den << BigInt(P))
  const standardError = expected * Math.sqrt(ratioToNumber(variance, BigInt(sum.paths) << BigInt(P)))
  return { estimate, expected, standard_error: standardError, z_score: (estimate - expected) / standardError }
}
