import {
  exactRational,
  expQ,
  fixedToNumber,
  lnRatioQ,
  normalCdfQ,
  piQ,
  type Rational,
  ratioToNumber,
  shiftRound,
  sqrtQ,
  toFixedQ,
} from '../../numerics/bigmath.ts'
import { discountQ, OPTION_Q as P } from '../option.ts'
import { type GbmArgs, strikeOf } from './args.ts'
import type { Greek } from './scenarios.ts'

/**
 * Prices and Greeks in closed form, within about 2^-90 of spot and strike before one rounding. Source: Black and Scholes, "The
 * pricing of options and corporate liabilities", JPE 81 (1973), with the dividend yield of Merton (1973).
 */

const mul = (a: bigint, b: bigint): bigint => shiftRound(a * b, P)

/** All in Q160. */
function parts(args: GbmArgs) {
  const spot = exactRational(args.spot)
  const strike = exactRational(strikeOf(args))
  const years = toFixedQ(args.maturity_years, P)
  const sigma = toFixedQ(args.volatility, P)
  const carry = toFixedQ(args.rate, P) - toFixedQ(args.dividend_yield, P)
  const deviation = mul(sigma, sqrtQ(years, P))
  const drift = mul(carry + shiftRound(sigma * sigma, P + 1), years)
  const moneyness = lnRatioQ(spot.num * strike.den, spot.den * strike.num, P)
  const d1 = ((moneyness + drift) << BigInt(P)) / deviation
  const discount = discountQ(args)
  /** 1 for a call, -1 for a put. */
  const sign = args.right === 'call' ? 1n : -1n
  return {
    spot,
    strike,
    years,
    sigma,
    deviation,
    d1,
    d2: d1 - deviation,
    sign,
    discount,
    asset: mul(discount, expQ(mul(carry, years), P)),
  }
}

export function blackScholes(args: GbmArgs): number {
  const { spot, strike, d1, d2, sign, discount, asset } = parts(args)
  const long = mul(asset, normalCdfQ(sign * d1, P))
  const short = mul(discount, normalCdfQ(sign * d2, P))
  const num = sign * (long * spot.num * strike.den - short * strike.num * spot.den)
  return ratioToNumber(num, (spot.den * strike.den) << BigInt(P))
}

/** A digital option: the discounted payout times the chance of it under the pricing measure. */
export function digitalPrice(args: GbmArgs, payout: number): number {
  const { d2, sign, discount } = parts(args)
  const { num, den } = exactRational(payout)
  return ratioToNumber(mul(discount, normalCdfQ(sign * d2, P)) * num, den << BigInt(P))
}

/** The Greeks of a European option, in the units of `gbmGreeks`. */
export function europeanGreeks(args: GbmArgs): Readonly<Record<Greek, number>> {
  const { spot, strike, years, sigma, deviation, d1, d2, sign, discount, asset } = parts(args)
  const times = (value: bigint, { num, den }: Rational) => (value * num) / den
  const density = (expQ(-shiftRound(d1 * d1, P + 1), P) << BigInt(P)) / sqrtQ(2n * piQ(P), P)
  const long = mul(asset, normalCdfQ(sign * d1, P))
  const short = times(mul(discount, normalCdfQ(sign * d2, P)), strike)
  const weight = mul(asset, density)
  const rate = toFixedQ(args.rate, P)
  const dividend = toFixedQ(args.dividend_yield, P)
  const decay = (times(mul(weight, sigma), spot) << BigInt(P)) / (2n * sqrtQ(years, P))
  return {
    delta: fixedToNumber(sign * long, P),
    gamma: ratioToNumber(weight * spot.den, deviation * spot.num),
    vega: fixedToNumber(times(mul(weight, sqrtQ(years, P)), spot), P),
    rho: fixedToNumber(sign * mul(short, years), P),
    theta: fixedToNumber(sign * (mul(dividend, times(long, spot)) - mul(rate, short)) - decay, P),
  }
}
