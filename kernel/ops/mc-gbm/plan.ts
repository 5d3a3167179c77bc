import { ForgeError, invariant } from '../../errors.ts'
import {
  bitLength,
  divideRound,
  expQ,
  lnRatioQ,
  log2eQ,
  type Rational,
  shiftRound,
  sqrtQ,
  toFixedQ,
} from '../../numerics/bigmath.ts'
import { NORMAL_MAX_Q24 } from '../../numerics/normal.ts'
import type { Plan } from '../op.ts'
import { moneynessOf } from '../option.ts'
import type { GbmArgs } from './args.ts'

/**
 * What the kernel needs, in the formats of shaders/mc/gbm.v1.wgsl; u32 or i32 words all. F = `ratio_bits`.
 * A ratio is a price over the spot.
 */
export type GbmConstants = {
  readonly log2_shard_paths: number
  /** Paths of the last shard, 1 to 2^log2_shard_paths. */
  readonly last_paths: number
  /** s: scaled = (sum of Q24 normals << 8) >> s stays below 2^31 in magnitude. */
  readonly normal_shift: number
  /** Fractional bits of log2 ratios, 16 to 24: the most with which |x| < 2^30 is proven. */
  readonly x_bits: number
  /** volatility sqrt(dt) log2 e in Q(x_bits + normal_shift), to nearest. */
  readonly volatility: number
  /** log2 drift of a step in Q(x_bits + 32), to nearest: floor and fraction. */
  readonly step_drift: number
  readonly step_drift_fraction: number
  /** What the drift of all steps rounds to, a half up, Q(x_bits). */
  readonly total_drift: number
  /** F = 31 - L: ratios in [0, 2^L) are Q(F) below 2^31. */
  readonly ratio_bits: number
  /** strike / spot, Q(F), half to even. */
  readonly strike: number
  /** The largest payoff a path can have, Q(F). */
  readonly max_payoff: number
  /** Ratios that may saturate on one path: the steps of an Asian option, else 1. */
  readonly ratios_per_path: number
  /** ceil(log2 steps) - 1 and floor(2^(32 + average_shift) / steps); 0 where no average is taken. */
  readonly average_shift: number
  readonly average_factor: number
  /** A histogram bin is 2^bin_shift wide, Q(F). */
  readonly bin_shift: number
}

export type GbmPlan = Plan<GbmConstants>

export const BINS = 512
export const LEAF_WORDS = 16 + BINS

/** Fractional bits of the planning arithmetic, far below any word it ends in. */
const P = 160
const ONE = 1n << BigInt(P)
const MAX_RATIO = 0x7fffffff
/** Ratios are representable to this many standard deviations; beyond they saturate and are counted. */
const RANGE_SIGMAS = 9n
const MAX_RANGE_BITS = 20
const MIN_X_BITS = 16
const MAX_X_BITS = 24
const LOG2_SHARD_STEPS = 22

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { path: 60, normal: 11, ratio: 14 }

const mul = (a: bigint, b: bigint): bigint => shiftRound(a * b, P)

/** ceil(log2 n), n >= 1. */
function ceilLog2(n: number): number {
  return n <= 1 ? 0 : 32 - Math.clz32(n - 1)
}

/** Everything below in QP. */
interface Model {
  /** ln drift of all steps: (rate - dividend_yield - volatility^2 / 2) maturity. */
  readonly lnDrift: bigint
  /** volatility sqrt(maturity). */
  readonly deviation: bigint
  /** volatility sqrt(maturity / steps) log2 e. */
  readonly stepVolatility: bigint
  readonly log2e: bigint
}

function model(args: GbmArgs): Model {
  const sigma = toFixedQ(args.volatility, P)
  const years = toFixedQ(args.maturity_years, P)
  const drift = toFixedQ(args.rate, P) - toFixedQ(args.dividend_yield, P) - shiftRound(sigma * sigma, P + 1)
  const log2e = log2eQ(P)
  return {
    lnDrift: mul(drift, years),
    deviation: mul(sigma, sqrtQ(years, P)),
    stepVolatility: mul(mul(sigma, sqrtQ(divideRound(years, BigInt(args.steps)), P)), log2e),
    log2e,
  }
}

interface NormalFormat {
  readonly shift: number
  /** The largest |scaled| that any path can have, below 2^31. */
  readonly largest: bigint
}

/** The smallest s with which the sum of `steps` normals of the largest size stays below 2^31. */
function normalFormat(steps: number): NormalFormat {
  const sum = BigInt(NORMAL_MAX_Q24) * BigInt(steps) * 256n
  let shift = 4
  // The shift rounds a negative sum away from zero: one more.
  while ((sum >> BigInt(shift)) + 1n >= 1n << 31n) shift++
  invariant(shift <= 16, 'a normal shift of at most 16')
  return { shift, largest: (sum >> BigInt(shift)) + 1n }
}

interface LogWords {
  readonly xBits: number
  readonly volatility: bigint
  readonly stepDrift: bigint
  readonly totalDrift: bigint
}

/** The finest format of log2 ratios whose worst case over every path stays below 2^30, or undefined. */
function logWords(args: GbmArgs, m: Model, normals: NormalFormat): LogWords | undefined {
  const steps = BigInt(args.steps)
  const stepDrift = divideRound(mul(m.lnDrift, m.log2e), steps)
  for (let xBits = MAX_X_BITS; xBits >= MIN_X_BITS; xBits--) {
    const volatility = shiftRound(m.stepVolatility, P - xBits - normals.shift)
    const drift = shiftRound(stepDrift, P - xBits - 32)
    const total = (steps * drift + (1n << 31n)) >> 32n
    const magnitude = total < 0n ? -total : total
    // 2 more for the roundings of the random part and of the drift on the way.
    const random = ((normals.largest * volatility) >> 32n) + 2n
    if (volatility < 1n << 32n && magnitude + random < 1n << 30n) {
      return { xBits, volatility, stepDrift: drift, totalDrift: total }
    }
  }
  return undefined
}

/**
 * The smallest L >= 1 whose range [0, 2^L) covers 9 standard deviations above the drift, and twice the strike.
 * @throws ForgeError ARGS_OUT_OF_RANGE for L > 20
 */
function rangeBits(m: Model, moneyness: Rational): number {
  const upward = m.lnDrift > 0n ? m.lnDrift : 0n
  const prices = mul(upward + RANGE_SIGMAS * m.deviation, m.log2e)
  const strike = mul(lnRatioQ(moneyness.num, moneyness.den, P), m.log2e) + ONE
  const bits = Number(((prices > strike ? prices : strike) + ONE - 1n) >> BigInt(P))
  if (bits > MAX_RANGE_BITS) {
    throw new ForgeError(
      'ARGS_OUT_OF_RANGE',
      `ratios of 2^${bits} times the spot; the limit is 2^${MAX_RANGE_BITS}`,
      {
        path: prices > strike ? 'args.volatility' : 'args.strike',
        hint: 'Lower the volatility, the maturity or the ratio of strike to spot.',
      },
    )
  }
  return Math.max(bits, 1)
}

/** The bin width at which the payoff four standard deviations into the money lies in the upper half of the bins. */
function binShift(args: GbmArgs, m: Model, strike: bigint, ratioBits: number): number {
  const n = BigInt(args.steps)
  // The log of an average of n prices spreads about like the mean of the n normal sums.
  const spread =
    args.style === 'asian'
      ? sqrtQ(divideRound(mul(m.deviation, m.deviation) * (n + 1n) * (2n * n + 1n), 6n * n * n), P)
      : m.deviation
  const call = args.right === 'call'
  const up = m.lnDrift > 0n ? m.lnDrift : 0n
  const down = m.lnDrift < 0n ? m.lnDrift : 0n
  const edge = shiftRound(expQ(call ? up + 4n * spread : down - 4n * spread, P), P - ratioBits)
  const payoff = call ? edge - strike : strike - edge
  // Far out of the money the payoffs that occur are small, but the bins must not vanish.
  const least = (call ? edge : strike) >> 6n
  const span = payoff > least ? payoff : least
  const shift = bitLength(span < BigInt(MAX_RATIO) ? span : BigInt(MAX_RATIO)) - 9
  return Math.max(shift, 0)
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where the fixed-point ranges cannot be proven */
export function planGbm(args: GbmArgs): GbmPlan {
  const asian = args.style === 'asian'
  if (asian && args.steps < 2) {
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'an average needs at least two steps', {
      path: 'args.steps',
      hint: 'Use 2 steps or more, or the style "european".',
    })
  }
  const m = model(args)
  const normals = normalFormat(args.steps)
  const words = logWords(args, m, normals)
  if (words === undefined) {
    throw new ForgeError(
      'ARGS_OUT_OF_RANGE',
      'the paths spread over more than 16,384 doublings of the price',
      {
        path: 'args.volatility',
        hint: 'Lower the volatility, the maturity or the number of steps.',
      },
    )
  }
  const moneyness = moneynessOf(args)
  const ratioBits = 31 - rangeBits(m, moneyness)
  const strike = divideRound(moneyness.num << BigInt(ratioBits), moneyness.den)
  invariant(strike <= 1n << 30n, 'a strike of at most half the range of ratios')
  const log2Paths = Math.min(Math.max(LOG2_SHARD_STEPS - ceilLog2(args.steps), 6), 20)
  const shardPaths = 1 << log2Paths
  const shards = Math.ceil(args.paths / shardPaths)
  const lastPaths = args.paths - (shards - 1) * shardPaths
  const averageShift = asian ? ceilLog2(args.steps) - 1 : 0
  return {
    shard_count: shards,
    work_units: (shards - 1) * workUnits(args, shardPaths) + workUnits(args, lastPaths),
    leaf: { kind: 'inline', max_bytes: 4 * LEAF_WORDS },
    constants: {
      log2_shard_paths: log2Paths,
      last_paths: lastPaths,
      normal_shift: normals.shift,
      x_bits: words.xBits,
      volatility: Number(words.volatility),
      step_drift: Number(words.stepDrift >> 32n),
      step_drift_fraction: Number(words.stepDrift & 0xffffffffn),
      total_drift: Number(words.totalDrift),
      ratio_bits: ratioBits,
      strike: Number(strike),
      max_payoff: args.right === 'put' ? Number(strike) : MAX_RATIO - Number(strike),
      ratios_per_path: asian ? args.steps : 1,
      average_shift: averageShift,
      average_factor: asian ? Number((1n << BigInt(32 + averageShift)) / BigInt(args.steps)) : 0,
      bin_shift: binShift(args, m, strike, ratioBits),
    },
  }
}

/** Microseconds of one core for this many paths; below 2^53 for every plan. */
function workUnits(args: GbmArgs, paths: number): number {
  const ratios = args.style === 'asian' ? args.steps : 1
  return Math.ceil((paths * (COST_NS.path + args.steps * COST_NS.normal + ratios * COST_NS.ratio)) / 1000)
}

export function shardPathCount(plan: GbmPlan, shard: number): number {
  return shard === plan.shard_count - 1 ? plan.constants.last_paths : 1 << plan.constants.log2_shard_paths
}
