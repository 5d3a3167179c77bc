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
} from '../../numerics/bigmath.ts'
import type { Plan } from '../op.ts'
import { moneynessOf } from '../option.ts'
import { type GbmArgs, strikeOf } from './args.ts'
import { ceilLog2, log2Reach, logWords, type Model, modelOf, mul, normalFormat, P } from './model.ts'
import {
  GREEK_BUMPS,
  hasScenarios,
  isWatched,
  scenarioWords,
  WALKS_WITH_GREEKS,
  type WalkWords,
} from './scenarios.ts'

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
  /** Only for the kernel of scenarios: every style but European and Asian, and every style with Greeks. */
  readonly scenarios?: {
    /** Over the spot, Q(F); 0 for none. */
    readonly barrier: number
    readonly rebate: number
    /** The contract's own terms, then those of GREEK_BUMPS. */
    readonly walks: readonly WalkWords[]
  }
}

export type GbmPlan = Plan<GbmConstants>

export const BINS = 512
export const LEAF_WORDS = 16 + BINS
/** Then 12 words for each of five Greeks: see shaders/mc/gbm-scenarios.v1.wgsl. */
export const GREEK_WORDS = 12
const LEAF_WORDS_WITH_GREEKS = LEAF_WORDS + 5 * GREEK_WORDS

/** What a digital option pays, in the units of its sums. */
export const DIGITAL_PAYOFF = 2 ** 30

const MAX_RATIO = 0x7fffffff
const MAX_RANGE_BITS = 20
const LOG2_SHARD_STEPS = 22

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { path: 60, normal: 11, ratio: 14 }

/**
 * The smallest L >= 1 whose range [0, 2^L) covers nine standard deviations above the drift, twice the strike and the rebate,
 * and the barrier.
 * @throws ForgeError ARGS_OUT_OF_RANGE for L > 20
 */
function rangeBits(args: GbmArgs, models: readonly Model[]): number {
  const one = 1n << BigInt(P)
  const log2Of = ({ num, den }: Rational) => mul(lnRatioQ(num, den, P), log2eQ(P))
  const needs: { path: string; reach: bigint }[] = [
    { path: 'args.volatility', reach: log2Reach(models) },
    { path: 'args.strike', reach: log2Of(ratioToSpot(args, strikeOf(args))) + one },
  ]
  if (args.barrier !== undefined)
    needs.push({ path: 'args.barrier', reach: log2Of(ratioToSpot(args, args.barrier)) })
  if (args.rebate !== undefined && args.rebate > 0)
    needs.push({ path: 'args.rebate', reach: log2Of(ratioToSpot(args, args.rebate)) + one })
  const most = needs.reduce((a, b) => (b.reach > a.reach ? b : a))
  const bits = Number((most.reach + one - 1n) >> BigInt(P))
  if (bits > MAX_RANGE_BITS) {
    throw new ForgeError(
      'ARGS_OUT_OF_RANGE',
      `ratios of 2^${bits} times the spot; the limit is 2^${MAX_RANGE_BITS}`,
      { path: most.path, hint: 'Lower the volatility, the maturity or the ratio of strike to spot.' },
    )
  }
  return Math.max(bits, 1)
}

/** The bin width at which the payoff four standard deviations into the money lies in the upper half of the bins. */
function binShift(args: GbmArgs, m: Model, strike: bigint, ratioBits: number): number {
  // A payoff of one size: any bin that is its own.
  if (args.style === 'digital') return bitLength(BigInt(DIGITAL_PAYOFF)) - 9
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
  checkBarrier(args)
  const scenarios = hasScenarios(args)
  const bumps = args.greeks === true ? GREEK_BUMPS : []
  const base = modelOf(args)
  const models = [base, ...bumps.map((bump) => modelOf(args, bump))]
  const normals = normalFormat(args.steps)
  const logs = logWords(models, args.steps, normals)
  const own = logs?.words[0]
  if (logs === undefined || own === undefined) {
    throw new ForgeError(
      'ARGS_OUT_OF_RANGE',
      'the paths spread over more than 16,384 doublings of the price',
      {
        path: 'args.volatility',
        hint: 'Lower the volatility, the maturity or the number of steps.',
      },
    )
  }
  const ratioBits = 31 - rangeBits(args, models)
  const strike = wordOf(ratioToSpot(args, strikeOf(args)), ratioBits)
  invariant(strike <= 1n << 30n, 'a strike of at most half the range of ratios')
  const walks = args.greeks === true ? WALKS_WITH_GREEKS : 1
  const most = args.greeks === true ? 16 : 20
  const log2Paths = Math.min(Math.max(LOG2_SHARD_STEPS - ceilLog2(args.steps * walks), 6), most)
  const shardPaths = 1 << log2Paths
  const shards = Math.ceil(args.paths / shardPaths)
  const lastPaths = args.paths - (shards - 1) * shardPaths
  const averageShift = asian ? ceilLog2(args.steps) - 1 : 0
  const words = args.greeks === true ? LEAF_WORDS_WITH_GREEKS : LEAF_WORDS
  return {
    shard_count: shards,
    work_units: (shards - 1) * workUnits(args, shardPaths) + workUnits(args, lastPaths),
    leaf: { kind: 'inline', max_bytes: 4 * words },
    constants: {
      log2_shard_paths: log2Paths,
      last_paths: lastPaths,
      normal_shift: normals.shift,
      x_bits: logs.xBits,
      volatility: Number(own.volatility),
      step_drift: Number(own.stepDrift >> 32n),
      step_drift_fraction: Number(own.stepDrift & 0xffffffffn),
      total_drift: Number(own.totalDrift),
      ratio_bits: ratioBits,
      strike: Number(strike),
      max_payoff: maxPayoff(args, strike, ratioBits),
      ratios_per_path: walks * (isWatched(args) ? args.steps : 1),
      average_shift: averageShift,
      average_factor: asian ? Number((1n << BigInt(32 + averageShift)) / BigInt(args.steps)) : 0,
      bin_shift: binShift(args, base, strike, ratioBits),
      ...(scenarios
        ? {
            scenarios: {
              barrier: args.barrier === undefined ? 0 : barrierWord(args, args.barrier, ratioBits),
              rebate: rebateWord(args, ratioBits),
              walks: scenarioWords(models, logs.words, ratioBits),
            },
          }
        : {}),
    },
  }
}

function wordOf({ num, den }: Rational, ratioBits: number): bigint {
  return divideRound(num << BigInt(ratioBits), den)
}

function ratioToSpot({ spot }: Pick<GbmArgs, 'spot'>, price: number): Rational {
  return moneynessOf({ spot, strike: price })
}

/** A barrier at the very end of the range is reached by saturated prices only. */
function barrierWord(args: GbmArgs, barrier: number, ratioBits: number): number {
  return Math.min(Number(wordOf(ratioToSpot(args, barrier), ratioBits)), MAX_RATIO)
}

function rebateWord(args: GbmArgs, ratioBits: number): number {
  return args.rebate === undefined || args.rebate === 0
    ? 0
    : Number(wordOf(ratioToSpot(args, args.rebate), ratioBits))
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where the spot is at the barrier already, or beyond it */
function checkBarrier({ spot, barrier, barrier_type }: GbmArgs): void {
  if (barrier === undefined || barrier_type === undefined) return
  const up = barrier_type === 'up_and_in' || barrier_type === 'up_and_out'
  if (up ? barrier > spot : barrier < spot) return
  throw new ForgeError(
    'ARGS_OUT_OF_RANGE',
    `the barrier lies ${up ? 'at or below' : 'at or above'} the spot`,
    {
      path: 'args.barrier',
      hint: `A barrier reached from ${up ? 'below lies above' : 'above lies below'} the spot.`,
    },
  )
}

/** The largest payoff that a path can have. */
function maxPayoff(args: GbmArgs, strike: bigint, ratioBits: number): number {
  if (args.style === 'digital') return DIGITAL_PAYOFF
  if (args.strike_type === 'floating') return MAX_RATIO
  const plain = args.right === 'put' ? Number(strike) : MAX_RATIO - Number(strike)
  return Math.max(plain, rebateWord(args, ratioBits))
}

/** Microseconds of one core for this many paths; below 2^53 for every plan. */
function workUnits(args: GbmArgs, paths: number): number {
  const walks = args.greeks === true ? WALKS_WITH_GREEKS : 1
  const ratios = isWatched(args) ? args.steps : 1
  const walk = COST_NS.path + args.steps * COST_NS.normal + ratios * COST_NS.ratio
  return Math.ceil((paths * walks * walk) / 1000)
}

export function shardPathCount(plan: GbmPlan, shard: number): number {
  return shard === plan.shard_count - 1 ? plan.constants.last_paths : 1 << plan.constants.log2_shard_paths
}
