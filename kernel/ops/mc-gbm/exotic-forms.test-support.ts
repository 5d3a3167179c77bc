import { type GbmArgs, strikeOf } from './args.ts'

/**
 * Options in closed form where prices are watched all the time, in doubles, and their corrections for n equal spacings.
 * Sources: Reiner and Rubinstein (1991) for barriers; Goldman, Sosin and Gatto (1979) and Conze and Viswanathan (1991) for
 * lookback options, all as in Haug, "The Complete Guide to Option Pricing Formulas", 4.15 and 4.17; Broadie, Glasserman and
 * Kou, "A continuity correction for discrete barrier options" (1997) and "Connecting discrete and continuous path-dependent
 * options" (1999): the shift e^(beta volatility sqrt(dt)).
 */

/** -zeta(1/2) / sqrt(2 pi). */
const BETA = 0.5825971579390107

/** The standard normal distribution function: W. J. Cody's erfc is not in the language; a series and a continued fraction. */
export function normalCdf(x: number): number {
  const size = Math.abs(x)
  if (size < 6) {
    let [term, sum] = [size, size]
    for (let k = 3; term > 1e-18 * sum; k += 2) {
      term *= (size * size) / k
      sum += term
    }
    const body = (sum * Math.exp(-(size * size) / 2)) / Math.sqrt(2 * Math.PI)
    return x < 0 ? 0.5 - body : 0.5 + body
  }
  return x < 0 ? 0 : 1
}

function termsOf(args: GbmArgs) {
  const { spot, rate, dividend_yield, volatility, maturity_years, steps } = args
  const carry = rate - dividend_yield
  const deviation = volatility * Math.sqrt(maturity_years)
  return {
    spot,
    strike: strikeOf(args),
    carry,
    deviation,
    discount: Math.exp(-rate * maturity_years),
    asset: Math.exp(-dividend_yield * maturity_years),
    variance: volatility ** 2,
    shift: Math.exp(BETA * volatility * Math.sqrt(maturity_years / steps)),
    years: maturity_years,
  }
}

export function barrierPrice(args: GbmArgs, discrete: boolean): number {
  const { spot: s, strike: x, carry, deviation, discount, asset, variance, shift } = termsOf(args)
  const up = args.barrier_type === 'up_and_in' || args.barrier_type === 'up_and_out'
  const begins = args.barrier_type === 'up_and_in' || args.barrier_type === 'down_and_in'
  const h = (args.barrier ?? 0) * (discrete ? (up ? shift : 1 / shift) : 1)
  const k = args.rebate ?? 0
  const phi = args.right === 'call' ? 1 : -1
  const eta = up ? -1 : 1
  const mu = carry / variance - 0.5
  const at = (value: number) => Math.log(value) / deviation + (1 + mu) * deviation
  const [x1, x2, y1, y2] = [at(s / x), at(s / h), at((h * h) / (s * x)), at(h / s)]
  const N = normalCdf
  const plain = (d: number) =>
    phi * s * asset * N(phi * d) - phi * x * discount * N(phi * d - phi * deviation)
  const mirrored = (d: number) =>
    phi * s * asset * (h / s) ** (2 * (mu + 1)) * N(eta * d) -
    phi * x * discount * (h / s) ** (2 * mu) * N(eta * d - eta * deviation)
  const [a, b, c, d] = [plain(x1), plain(x2), mirrored(y1), mirrored(y2)]
  // The chance that the barrier is never reached.
  const never = N(eta * (x2 - deviation)) - (h / s) ** (2 * mu) * N(eta * (y2 - deviation))
  const low = x < h
  const call = phi === 1
  /** Of the option that begins at the barrier. */
  const inside = up
    ? call
      ? low
        ? b - c + d
        : a
      : low
        ? c
        : a - b + d
    : call
      ? low
        ? a - b + d
        : c
      : low
        ? a
        : b - c + d
  return begins ? inside + k * discount * never : a - inside + k * discount * (1 - never)
}

/** A lookback option of which nothing has been watched yet. */
export function lookbackPrice(args: GbmArgs, discrete: boolean): number {
  const { spot: s, strike: x, carry: b, deviation, discount, asset, variance, shift, years } = termsOf(args)
  const call = args.right === 'call'
  const N = normalCdf
  const growth = asset / discount
  /** e^(-rate maturity) E max(highest - level, 0) for a level >= spot, watched all the time; sign -1 for the lowest. */
  const beyond = (level: number, sign: 1 | -1) => {
    const d1 = (Math.log(s / level) + (b + variance / 2) * years) / deviation
    const power = (s / level) ** ((-2 * b) / variance)
    return (
      sign * (s * asset * N(sign * d1) - level * discount * N(sign * (d1 - deviation))) +
      sign *
        s *
        discount *
        (variance / (2 * b)) *
        (-power * N(sign * (d1 - (2 * b * Math.sqrt(years)) / args.volatility)) + growth * N(sign * d1))
    )
  }
  /** The discounted mean of the highest (sign 1) or lowest price, as watched. */
  const extreme = (sign: 1 | -1) => (s * discount + sign * beyond(s, sign)) * (discrete ? shift ** -sign : 1)
  if (args.strike_type === 'floating') {
    return call ? s * asset - extreme(-1) : extreme(1) - s * asset
  }
  // A discrete extreme is the continuous one over the shift: so is the excess over a strike, at a shifted strike.
  const sign = call ? 1 : -1
  const factor = discrete ? shift ** -sign : 1
  const level = x / factor
  const outside = sign === 1 ? level >= s : level <= s
  return (
    factor *
    (outside ? beyond(level, sign) : sign * (s * discount + sign * beyond(s, sign) - level * discount))
  )
}
