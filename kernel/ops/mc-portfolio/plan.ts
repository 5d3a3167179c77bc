import { ForgeError, invariant } from '../../errors.ts'
import {
  bitLength,
  divideRound,
  exactRational,
  expQ,
  fixedToNumber,
  log2eQ,
  normalCdfQ,
  piQ,
  shiftRound,
  sqrtQ,
  toFixedQ,
} from '../../numerics/bigmath.ts'
import type { Plan } from '../op.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import type { PortfolioArgs } from './args.ts'
import { choleskyQ } from './cholesky.ts'

/** One position in the formats of shaders/mc/portfolio.v1.wgsl. */
export type PositionTerms = {
  readonly volatility: number
  readonly drift: number
  readonly weight: number
  readonly negative: number
}

export type PortfolioConstants = SampleCut & {
  /** Rows of the Cholesky factor, Q30: row i has i + 1 numbers. */
  readonly factor: readonly (readonly number[])[]
  readonly terms: readonly PositionTerms[]
  readonly tail_start: number
  readonly tail_shift: number
  readonly body_start: number
  readonly body_shift: number
}

export type PortfolioPlan = Plan<PortfolioConstants>

export const BODY_BINS = 192
export const TAIL_BINS = 256
export const TAIL_AT = 16 + BODY_BINS
export const LEAF_WORDS = TAIL_AT + 3 * TAIL_BINS

const P = 160
const ONE = 1n << BigInt(P)
export const YEAR_DAYS = 252

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { path: 60, position: 30, product: 6, square: 15, student: 100 }

const mul = (a: bigint, b: bigint): bigint => shiftRound(a * b, P)

function refuse(path: string, message: string, hint: string): never {
  throw new ForgeError('ARGS_OUT_OF_RANGE', message, { path: `args.${path}`, hint })
}

/** Sum of |exposure| as an exact ratio. */
export function grossExposure(args: PortfolioArgs): { readonly num: bigint; readonly den: bigint } {
  let num = 0n
  let den = 1n
  for (const { exposure } of args.positions) {
    const part = exactRational(exposure < 0 ? -exposure : exposure)
    num = num * part.den + part.num * den
    den *= part.den
  }
  return { num, den }
}

/** The p-quantile of the standard normal in Q64, p in (1/2, 1): bisection of the distribution function. */
export function normalQuantileQ64(p: number): bigint {
  const target = toFixedQ(p, 64)
  let low = 0n
  let high = 9n << 64n
  while (high - low > 1n << 12n) {
    const middle = (low + high) >> 1n
    if (normalCdfQ(middle, 64) < target) low = middle
    else high = middle
  }
  return (low + high) >> 1n
}

/** phi(x) of x in Q64, in Q64. */
export function normalDensityQ64(x: bigint): bigint {
  return (expQ(-shiftRound(x * x, 65), 64) << 64n) / sqrtQ(2n * piQ(64), 64)
}

/** Mean and standard deviation of the relative loss with simple returns, in QP. */
export function linearMoments(args: PortfolioArgs): { readonly mean: bigint; readonly deviation: bigint } {
  const factor = choleskyQ(args.correlations, args.positions.length)
  const years = divideRound(toFixedQ(args.horizon_days, P), BigInt(YEAR_DAYS))
  const root = sqrtQ(years, P)
  const gross = grossExposure(args)
  const weights = weightsQ(args, gross)
  let mean = 0n
  const along = args.positions.map(() => 0n)
  for (const [i, { volatility, expected_return }] of args.positions.entries()) {
    const weight = weights[i] as bigint
    mean -= mul(mul(toFixedQ(expected_return, P), years), weight)
    const spread = mul(mul(toFixedQ(volatility, P), root), weight)
    for (const [j, entry] of (factor[i] as bigint[]).entries())
      along[j] = (along[j] as bigint) + mul(entry, spread)
  }
  const variance = along.reduce((sum, part) => sum + mul(part, part), 0n)
  return { mean, deviation: sqrtQ(variance, P) }
}

function weightsQ(args: PortfolioArgs, gross: { num: bigint; den: bigint }): bigint[] {
  return args.positions.map(({ exposure }) => {
    const part = exactRational(exposure)
    return divideRound((part.num * gross.den) << BigInt(P), part.den * gross.num)
  })
}

/** The smallest shift with which `bins` bins cover a span in Q24. */
function shiftFor(spanQ: bigint, bins: number): number {
  const width = divideRound(shiftRound(spanQ, P - 24) + BigInt(bins - 1), BigInt(bins))
  return Math.min(width <= 1n ? 0 : bitLength(width - 1n), 24)
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where the arguments make no portfolio or leave the proven ranges */
export function planPortfolio(args: PortfolioArgs): PortfolioPlan {
  const n = args.positions.length
  const student = args.tails === 'student'
  for (const [index, { name, shocks }] of args.scenarios.entries()) {
    if (shocks.length !== n)
      refuse(`scenarios[${index}].shocks`, `the scenario ${name} has ${shocks.length} shocks`, `Give ${n}.`)
  }
  const gross = grossExposure(args)
  if (gross.num === 0n) refuse('positions', 'no position has an exposure', 'Give at least one.')
  const factor = choleskyQ(args.correlations, n).map((row) => row.map((x) => Number(shiftRound(x, P - 30))))
  const years = divideRound(toFixedQ(args.horizon_days, P), BigInt(YEAR_DAYS))
  const root = sqrtQ(years, P)
  const log2e = log2eQ(P)
  const weights = weightsQ(args, gross)
  const terms = args.positions.map(({ volatility, expected_return }, i) => {
    const sigma = mul(toFixedQ(volatility, P), root)
    const mean = mul(toFixedQ(expected_return, P), years)
    const log = args.returns === 'log'
    // The mean of a lognormal return: the logarithm's lies half a variance below.
    const location = log ? mul(mean - mul(sigma, sigma) / 2n, log2e) : mean
    const scale = log ? mul(sigma, log2e) : sigma
    if (scale >= ONE)
      refuse(
        `positions[${i}].volatility`,
        'a spread of more than 100 % over the horizon',
        'Shorten the horizon.',
      )
    const drift = shiftRound(location, P - (log ? 24 : 25))
    if (drift >= 1n << 29n || drift <= -(1n << 29n))
      refuse(`positions[${i}].expected_return`, 'a mean beyond 1,600 %', 'Shorten the horizon.')
    const weight = weights[i] as bigint
    const volatilityWord = shiftRound(scale, P - 32)
    return {
      volatility: Number(volatilityWord < 1n << 32n ? volatilityWord : (1n << 32n) - 1n),
      drift: Number(drift),
      weight: Number(shiftRound(weight < 0n ? -weight : weight, P - 31)),
      negative: weight < 0n ? 1 : 0,
    }
  })
  // 2^30 a position of weight 1 at most (ratios below 64 in Q24), weights sum to 1, half a unit of rounding each.
  const weightSum = terms.reduce((sum, { weight }) => sum + weight, 0)
  invariant(weightSum <= 2 ** 31 + n, 'weights that sum to one')

  const { mean, deviation } = linearMoments(args)
  const expected = normalQuantileQ64(args.confidence) << BigInt(P - 64)
  const reach = mul(expected, deviation)
  // Losses from half the normal value at risk on, to 1.75 times it, or thrice with heavy tails.
  const tailStart = shiftRound(mean + reach / 2n, P - 24)
  const bodyShift = shiftFor(10n * deviation, BODY_BINS)
  const sampleNs =
    COST_NS.path +
    n * COST_NS.position +
    ((n * (n + 1)) / 2) * COST_NS.product +
    (student ? COST_NS.student + args.degrees_of_freedom * COST_NS.square : 0)
  const { cut, shard_count, work_units } = cutSamples(args.paths, sampleNs)
  const bounded = (x: bigint): number =>
    Number(x > 1n << 29n ? 1n << 29n : x < -(1n << 29n) ? -(1n << 29n) : x)
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * LEAF_WORDS },
    constants: {
      ...cut,
      factor,
      terms,
      tail_start: bounded(tailStart),
      tail_shift: shiftFor((reach * 5n) / (student ? 2n : 4n), TAIL_BINS),
      body_start: bounded(shiftRound(mean, P - 24) - (BigInt(BODY_BINS / 2) << BigInt(bodyShift))),
      body_shift: bodyShift,
    },
  }
}

/** A relative loss in QP as a double. */
export function relative(value: bigint): number {
  return fixedToNumber(value, P)
}
