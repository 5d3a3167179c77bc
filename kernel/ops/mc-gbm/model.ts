import { invariant } from '../../errors.ts'
import { divideRound, expQ, lnRatioQ, log2eQ, shiftRound, sqrtQ, toFixedQ } from '../../numerics/bigmath.ts'
import { NORMAL_MAX_Q24 } from '../../numerics/normal.ts'
import type { GbmArgs } from './args.ts'

/** Geometric Brownian motion in the words of the kernels: exact arithmetic of the plan, in Q160. */

/** Fractional bits of the planning arithmetic, far below any word it ends in. */
export const P = 160
const ONE = 1n << BigInt(P)
/** Ratios are representable to this many standard deviations; beyond they saturate and are counted. */
const RANGE_SIGMAS = 9n
const MIN_X_BITS = 16
const MAX_X_BITS = 24

export const mul = (a: bigint, b: bigint): bigint => shiftRound(a * b, P)

/** ceil(log2 n), n >= 1. */
export function ceilLog2(n: number): number {
  return n <= 1 ? 0 : 32 - Math.clz32(n - 1)
}

export type ModelTerms = Pick<GbmArgs, 'rate' | 'dividend_yield' | 'volatility' | 'maturity_years' | 'steps'>

/** Changes of a contract's terms: whole percent of the spot, the volatility and the maturity, percentage points of the rate. */
export interface Bump {
  readonly spot: number
  readonly volatility: number
  readonly rate: number
  readonly maturity: number
}

const NO_BUMP: Bump = { spot: 0, volatility: 0, rate: 0, maturity: 0 }

function percentMore(value: bigint, percent: number): bigint {
  return percent === 0 ? value : divideRound(value * BigInt(100 + percent), 100n)
}

/** Everything below in QP. */
export interface Model {
  /** ln of the bumped spot over the spot. */
  readonly lnStart: bigint
  /** e^(-rate maturity). */
  readonly discount: bigint
  /** ln drift of all steps: (rate - dividend_yield - volatility^2 / 2) maturity. */
  readonly lnDrift: bigint
  /** volatility sqrt(maturity). */
  readonly deviation: bigint
  /** volatility sqrt(maturity / steps) log2 e. */
  readonly stepVolatility: bigint
  readonly log2e: bigint
}

export function modelOf(args: ModelTerms, bump: Bump = NO_BUMP): Model {
  const sigma = percentMore(toFixedQ(args.volatility, P), bump.volatility)
  const years = percentMore(toFixedQ(args.maturity_years, P), bump.maturity)
  const rate = toFixedQ(args.rate, P) + divideRound(BigInt(bump.rate) * ONE, 100n)
  const drift = rate - toFixedQ(args.dividend_yield, P) - shiftRound(sigma * sigma, P + 1)
  const log2e = log2eQ(P)
  return {
    lnStart: bump.spot === 0 ? 0n : lnRatioQ(100n + BigInt(bump.spot), 100n, P),
    discount: expQ(-mul(rate, years), P),
    lnDrift: mul(drift, years),
    deviation: mul(sigma, sqrtQ(years, P)),
    stepVolatility: mul(mul(sigma, sqrtQ(divideRound(years, BigInt(args.steps)), P)), log2e),
    log2e,
  }
}

export interface NormalFormat {
  readonly shift: number
  /** The largest |scaled| that any path can have, below 2^31. */
  readonly largest: bigint
}

/** The smallest s with which the sum of `steps` normals of the largest size stays below 2^31. */
export function normalFormat(steps: number): NormalFormat {
  const sum = BigInt(NORMAL_MAX_Q24) * BigInt(steps) * 256n
  let shift = 4
  // The shift rounds a negative sum away from zero: one more.
  while ((sum >> BigInt(shift)) + 1n >= 1n << 31n) shift++
  invariant(shift <= 16, 'a normal shift of at most 16')
  return { shift, largest: (sum >> BigInt(shift)) + 1n }
}

/** One model's words: what turns sums of normals into log2 ratios. */
export interface LogWords {
  readonly volatility: bigint
  readonly stepDrift: bigint
  readonly totalDrift: bigint
  /** log2 of the bumped spot over the spot, Q(x_bits). */
  readonly start: bigint
}

/** The finest format of log2 ratios whose worst case over every path of every model stays below 2^30, or undefined. */
export function logWords(
  models: readonly Model[],
  steps: number,
  normals: NormalFormat,
): { readonly xBits: number; readonly words: readonly LogWords[] } | undefined {
  for (let xBits = MAX_X_BITS; xBits >= MIN_X_BITS; xBits--) {
    const words = models.map((m) => wordsIn(xBits, m, BigInt(steps), normals))
    if (words.every((found) => found !== undefined)) return { xBits, words }
  }
  return undefined
}

function wordsIn(xBits: number, m: Model, steps: bigint, normals: NormalFormat): LogWords | undefined {
  const stepDrift = divideRound(mul(m.lnDrift, m.log2e), steps)
  const volatility = shiftRound(m.stepVolatility, P - xBits - normals.shift)
  const drift = shiftRound(stepDrift, P - xBits - 32)
  const start = shiftRound(mul(m.lnStart, m.log2e), P - xBits)
  const total = (steps * drift + (1n << 31n)) >> 32n
  const size = magnitude(total) + magnitude(start)
  // 2 more for the roundings of the random part and of the drift on the way.
  const random = ((normals.largest * volatility) >> 32n) + 2n
  return volatility < 1n << 32n && size + random < 1n << 30n
    ? { volatility, stepDrift: drift, totalDrift: total, start }
    : undefined
}

function magnitude(value: bigint): bigint {
  return value < 0n ? -value : value
}

/** log2 of what a path may reach: nine standard deviations above the largest drift of any model. In QP. */
export function log2Reach(models: readonly Model[]): bigint {
  return models
    .map((m) =>
      mul(
        (m.lnDrift > 0n ? m.lnDrift : 0n) + (m.lnStart > 0n ? m.lnStart : 0n) + RANGE_SIGMAS * m.deviation,
        m.log2e,
      ),
    )
    .reduce((most, reach) => (reach > most ? reach : most))
}
