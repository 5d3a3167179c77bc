import { z } from 'zod'
import { exactRational, type Rational, ratioToNumber } from '../../numerics/bigmath.ts'
import { limbsToBigInt } from '../../numerics/limbs.ts'
import type { GbmArgs } from './args.ts'
import { modelOf, P } from './model.ts'
import { DELTA_BUMP, GAMMA_BUMP, GREEK_BUMPS, GREEKS, type Greek, OTHER_BUMP } from './scenarios.ts'

/** Exact sums of one Greek's differences of payoffs over the paths: those above zero, those below, and squares. */
export interface DifferenceSum {
  plus: bigint
  minus: bigint
  squares: bigint
}

/** @param at the first of its twelve words */
export function readDifference(words: Uint32Array, at: number): DifferenceSum {
  return {
    plus: limbsToBigInt(words, at, 4),
    minus: limbsToBigInt(words, at + 4, 4),
    squares: limbsToBigInt(words, at + 8, 4),
  }
}

export function addDifference(sum: DifferenceSum, part: DifferenceSum): void {
  sum.plus += part.plus
  sum.minus += part.minus
  sum.squares += part.squares
}

/** No difference reaches 2^32; Cauchy-Schwarz binds sizes and squares. @returns what is wrong, or undefined */
export function checkDifference(
  { plus, minus, squares }: DifferenceSum,
  paths: number,
  greek: Greek,
): string | undefined {
  const sizes = plus + minus
  if (sizes > BigInt(paths) * 0xffffffffn) return `differences of ${greek} beyond the largest possible`
  if (sizes * sizes > BigInt(paths) * squares) return `differences of ${greek} against Cauchy-Schwarz`
  if (squares > 0xffffffffn * sizes) return `squares of ${greek} above largest times sum`
  return undefined
}

const estimate = z.strictObject({ value: z.number(), standard_error: z.number() })

/** Per unit: of spot, of volatility (1 is 100 %), of rate (1 is 100 %), of time (a year that passes). */
export const gbmGreeks = z.strictObject({
  delta: estimate,
  gamma: estimate,
  vega: estimate,
  rho: estimate,
  theta: estimate,
})
export type GbmGreeks = z.infer<typeof gbmGreeks>

/**
 * Central differences of the discounted payoffs of the same paths: delta and vega over +-1 % of spot and volatility, gamma
 * over +-5 % of the spot, rho over +-1 percentage point, theta, for a year that passes, over +-1 % of the maturity. Each
 * number is exact up to the discount factor (2^-160) and one rounding, the standard error one square root more.
 * @param unit of payoffs in currency at exercise
 */
export function greeksOf(
  args: GbmArgs,
  unit: Rational,
  paths: number,
  sums: readonly DifferenceSum[],
): GbmGreeks {
  const spot = exactRational(args.spot)
  const percent = (of: Rational, points: number): Rational => ({
    num: of.num * BigInt(points),
    den: of.den * 100n,
  })
  const pairs = (step: Rational): Rational => ({ num: 2n * step.num, den: step.den })
  const gamma = percent(spot, GAMMA_BUMP)
  /** What the difference of each Greek is divided by. */
  const steps: Readonly<Record<Greek, Rational>> = {
    delta: pairs(percent(spot, DELTA_BUMP)),
    gamma: { num: gamma.num * gamma.num, den: gamma.den * gamma.den },
    vega: pairs(percent(exactRational(args.volatility), OTHER_BUMP)),
    rho: pairs(percent({ num: 1n, den: 1n }, OTHER_BUMP)),
    theta: pairs(percent(exactRational(args.maturity_years), OTHER_BUMP)),
  }
  const estimateOf = (greek: Greek) => {
    const index = GREEKS.indexOf(greek)
    const { plus, minus, squares } = sums[index] as DifferenceSum
    // Payoffs were weighted relative to the larger discount factor of the pair.
    const discounts = GREEK_BUMPS.slice(2 * index, 2 * index + 2).map((bump) => modelOf(args, bump).discount)
    const discount = discounts.reduce((a, b) => (b > a ? b : a))
    const num = unit.num * discount * steps[greek].den
    const den = (unit.den * steps[greek].num) << BigInt(P)
    const n = BigInt(paths)
    const sum = greek === 'theta' ? minus - plus : plus - minus
    return {
      value: ratioToNumber(sum * num, n * den),
      standard_error: Math.sqrt(
        ratioToNumber((n * squares - sum * sum) * num * num, n * n * (n - 1n) * den * den),
      ),
    }
  }
  return {
    delta: estimateOf('delta'),
    gamma: estimateOf('gamma'),
    vega: estimateOf('vega'),
    rho: estimateOf('rho'),
    theta: estimateOf('theta'),
  }
}
