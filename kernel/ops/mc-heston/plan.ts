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
import { carryQ, moneynessOf, OPTION_Q as P } from '../option.ts'
import { OUTCOME_WORDS } from '../outcome.ts'
import type { HestonArgs } from './args.ts'

/** What the kernel needs, in the formats of shaders/mc/heston.v1.wgsl. F = `ratio_bits`. */
export type HestonConstants = {
  readonly log2_shard_paths: number
  /** Paths of the last shard, 1 to 2^log2_shard_paths. */
  readonly last_paths: number
  readonly variance: number
  readonly price_noise: number
  readonly price_drift: number
  readonly reversion: number
  readonly pull: number
  readonly pull_fraction: number
  readonly variance_noise: number
  readonly correlation: number
  readonly correlation_rest: number
  readonly total_drift: number
  readonly ratio_bits: number
  /** strike / spot, Q(F), half to even. */
  readonly strike: number
  readonly max_payoff: number
  readonly bin_shift: number
}

export type HestonPlan = Plan<HestonConstants>

const ONE = 1n << BigInt(P)
const LIMIT = 1n << 30n
const MAX_RATIO = 0x7fffffff
/** Ratios are representable to this many standard deviations; beyond they saturate and are counted. */
const RANGE_SIGMAS = 9n
const MAX_RANGE_BITS = 20
const LOG2_SHARD_STEPS = 19

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { path: 80, step: 150 }

const mul = (a: bigint, b: bigint): bigint => shiftRound(a * b, P)

function refuse(path: string, message: string, hint: string): never {
  throw new ForgeError('ARGS_OUT_OF_RANGE', message, { path: `args.${path}`, hint })
}

/** round(a b / 2^32) of words, as the kernel has it. */
const mulRound = (a: bigint, b: bigint): bigint => (a * b + (1n << 31n)) >> 32n

/**
 * Proves that one step moves v by less than 2^30 upwards (downwards: by less still) and x by less than 2^30, so that
 * neither leaves an i32 before it is clamped to 2^30 in magnitude.
 */
function proveStep(c: HestonConstants): { readonly v: bigint; readonly x: bigint } {
  const z = BigInt(NORMAL_MAX_Q24) << 4n
  // floor(sqrt(2^31 2^30)), doubled.
  const s = 2n * sqrtQ(1n << 61n, 0) + 2n
  const mixed = mulRound(z, BigInt(c.correlation)) + mulRound(z, BigInt(c.correlation_rest))
  invariant(2n * mixed < 1n << 32n, 'a mixed normal that is a word')
  const driven = mulRound(2n * mixed, s)
  invariant(driven < 1n << 31n && z < 1n << 31n, 'products that are words')
  const shock = mulRound(mulRound(z, s), BigInt(c.price_noise))
  const drift = (mulRound(1n << 31n, BigInt(c.price_drift)) >> 4n) + 1n
  return { v: mulRound(driven, BigInt(c.variance_noise)) + BigInt(c.pull) + 1n, x: shock + drift }
}

/**
 * The smallest L >= 1 whose range [0, 2^L) covers 9 standard deviations above the drift, at most 20, and twice the
 * strike. Ratios beyond saturate and are counted.
 * @throws ForgeError ARGS_OUT_OF_RANGE when the strike needs L > 20
 */
function rangeBits(drift: bigint, deviation: bigint, moneyness: Rational): number {
  const log2e = log2eQ(P)
  const upward = drift > 0n ? drift : 0n
  const ceil = (log2: bigint): number => Number((log2 + ONE - 1n) >> BigInt(P))
  const prices = Math.min(ceil(mul(upward + RANGE_SIGMAS * deviation, log2e)), MAX_RANGE_BITS)
  const strike = ceil(mul(lnRatioQ(moneyness.num, moneyness.den, P), log2e) + ONE)
  if (strike > MAX_RANGE_BITS)
    refuse('strike', 'a strike of more than 2^19 times the spot', 'Lower the ratio of strike to spot.')
  return Math.max(prices, strike, 1)
}

/** The bin width at which the payoff four standard deviations into the money lies in the upper half of the bins. */
function binShift(right: HestonArgs['right'], drift: bigint, spread: bigint, strike: bigint, bits: number) {
  const call = right === 'call'
  const edge = shiftRound(expQ(call ? drift + 4n * spread : drift - 4n * spread, P), P - bits)
  const payoff = call ? edge - strike : strike - edge
  const least = (call ? edge : strike) >> 6n
  const span = payoff > least ? payoff : least
  return Math.max(bitLength(span < BigInt(MAX_RATIO) ? span : BigInt(MAX_RATIO)) - 9, 0)
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where the fixed-point ranges cannot be proven */
export function planHeston(args: HestonArgs): HestonPlan {
  const years = toFixedQ(args.maturity_years, P)
  const dt = divideRound(years, BigInt(args.steps))
  const log2e = log2eQ(P)
  const rootDt = sqrtQ(dt, P)
  const kappa = toFixedQ(args.mean_reversion, P)
  const theta = toFixedQ(args.long_run_variance, P)
  const v0 = toFixedQ(args.initial_variance, P)
  const xi = toFixedQ(args.variance_volatility, P)
  const rho = toFixedQ(args.correlation, P)
  if (10n * dt > ONE) refuse('steps', 'a step of more than 0.1 years', 'Use more steps.')
  if (mul(kappa, dt) > ONE)
    refuse('mean_reversion', 'a step beyond the mean', 'Use more steps, or lower the mean reversion.')
  const carry = carryQ(args)
  const drift = shiftRound(mul(carry, log2e), P - 26)
  if (drift >= LIMIT / 2n || drift <= -LIMIT / 2n)
    refuse('rate', 'a drift of more than 8 doublings', 'Lower the rate, the yield or the maturity.')
  // The variance may rise above its mean: by about xi^2 T / 4 where it wanders freely.
  const variance = (v0 > theta ? v0 : theta) + mul(mul(xi, xi), years) / 4n
  const deviation = sqrtQ(mul(variance, years), P)
  const moneyness = moneynessOf(args)
  const ratioBits = 31 - rangeBits(carry, deviation, moneyness)
  const strike = divideRound(moneyness.num << BigInt(ratioBits), moneyness.den)
  invariant(strike <= LIMIT, 'a strike of at most half the range of ratios')
  const noise = mul(xi, rootDt)
  // Q34 must be a word before it can be judged.
  if (8n * noise > ONE)
    refuse('variance_volatility', 'a step moves the variance too far', 'Use more steps, or lower it.')
  const pull = shiftRound(mul(mul(kappa, theta), dt), P - 61)
  const log2Paths = Math.min(Math.max(LOG2_SHARD_STEPS - (32 - Math.clz32(args.steps - 1)), 6), 17)
  const shardPaths = 1 << log2Paths
  const shards = Math.ceil(args.paths / shardPaths)
  const constants: HestonConstants = {
    log2_shard_paths: log2Paths,
    last_paths: args.paths - (shards - 1) * shardPaths,
    variance: Number(shiftRound(v0, P - 29)),
    price_noise: Number(shiftRound(mul(rootDt, log2e), P - 31)),
    price_drift: Number(shiftRound(mul(dt, log2e), P - 31)),
    reversion: Number(shiftRound(mul(kappa, dt), P - 31)),
    pull: Number(pull >> 32n),
    pull_fraction: Number(pull & 0xffffffffn),
    variance_noise: Number(shiftRound(noise, P - 34)),
    correlation: Number(shiftRound(rho < 0n ? -rho : rho, P - 31)),
    correlation_rest: Number(shiftRound(sqrtQ(ONE - mul(rho, rho), P), P - 31)),
    total_drift: Number(drift),
    ratio_bits: ratioBits,
    strike: Number(strike),
    max_payoff: args.right === 'put' ? Number(strike) : MAX_RATIO - Number(strike),
    bin_shift: binShift(args.right, carry, sqrtQ(mul((v0 + theta) / 2n, years), P), strike, ratioBits),
  }
  const step = proveStep(constants)
  if (step.v >= LIMIT)
    refuse('variance_volatility', 'a step moves the variance too far', 'Use more steps, or lower it.')
  invariant(step.x < LIMIT, 'a step of log2 prices below 2^30')
  return {
    shard_count: shards,
    work_units: (shards - 1) * workUnits(args, shardPaths) + workUnits(args, constants.last_paths),
    leaf: { kind: 'inline', max_bytes: 4 * OUTCOME_WORDS },
    constants,
  }
}

/** Microseconds of one core for this many paths. */
function workUnits(args: HestonArgs, paths: number): number {
  return Math.ceil((paths * (COST_NS.path + args.steps * COST_NS.step)) / 1000)
}

export function shardPathCount(plan: HestonPlan, shard: number): number {
  return shard === plan.shard_count - 1 ? plan.constants.last_paths : 1 << plan.constants.log2_shard_paths
}
