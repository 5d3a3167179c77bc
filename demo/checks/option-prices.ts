/**
 * Prices that share nothing with the network's arithmetic: IEEE doubles, the platform's own exp and log, another
 * generator, closed forms from the literature.
 */

export interface Option {
  readonly spot: number
  readonly strike: number
  readonly rate: number
  readonly dividend_yield: number
  readonly volatility: number
  readonly maturity_years: number
}

/** Standard normal distribution, by W. J. Cody's rational Chebyshev approximations as in Hart (1968), |error| < 1e-14. */
export function normalCdf(x: number): number {
  const z = Math.abs(x)
  if (z > 37) return x > 0 ? 1 : 0
  const e = Math.exp((-z * z) / 2)
  let tail: number
  if (z < 7.07106781186547) {
    const numerator =
      ((((((3.52624965998911e-2 * z + 0.700383064443688) * z + 6.37396220353165) * z + 33.912866078383) * z +
        112.079291497871) *
        z +
        221.213596169931) *
        z +
        220.206867912376) *
      e
    const denominator =
      ((((((8.83883476483184e-2 * z + 1.75566716318264) * z + 16.064177579207) * z + 86.7807322029461) * z +
        296.564248779674) *
        z +
        637.333633378831) *
        z +
        793.826512519948) *
        z +
      440.413735824752
    tail = numerator / denominator
  } else {
    tail = e / (z + 1 / (z + 2 / (z + 3 / (z + 4 / (z + 0.65))))) / 2.506628274631
  }
  return x > 0 ? 1 - tail : tail
}

/** Black and Scholes (1973), Merton (1973): European call with a continuous dividend yield. */
export function blackScholesCall(option: Option): number {
  const { spot, strike, rate, dividend_yield, volatility, maturity_years: t } = option
  const deviation = volatility * Math.sqrt(t)
  const d1 = (Math.log(spot / strike) + (rate - dividend_yield) * t) / deviation + deviation / 2
  return (
    spot * Math.exp(-dividend_yield * t) * normalCdf(d1) -
    strike * Math.exp(-rate * t) * normalCdf(d1 - deviation)
  )
}

/**
 * Kemna and Vorst (1990): call on the geometric average of the prices at n equal steps. The average of logs is normal
 * with mean ln S + (r - q - sigma^2/2) T (n+1)/(2n) and variance sigma^2 T (n+1)(2n+1)/(6 n^2). An arithmetic average is never
 * below a geometric one, so this bounds the arithmetic call from below.
 */
export function geometricAsianCall(option: Option, steps: number): number {
  const { spot, strike, rate, dividend_yield, volatility, maturity_years: t } = option
  const mean =
    Math.log(spot) + ((rate - dividend_yield - volatility ** 2 / 2) * t * (steps + 1)) / (2 * steps)
  const deviation = volatility * Math.sqrt((t * (steps + 1) * (2 * steps + 1)) / (6 * steps * steps))
  const d2 = (mean - Math.log(strike)) / deviation
  return (
    Math.exp(-rate * t) *
    (Math.exp(mean + deviation ** 2 / 2) * normalCdf(d2 + deviation) - strike * normalCdf(d2))
  )
}

export interface Sampled {
  readonly price: number
  readonly standard_error: number
  readonly paths: number
}

/** Arithmetic Asian call by plain Monte Carlo: xoshiro128**, Box–Muller, doubles throughout. */
export function arithmeticAsianCall(option: Option, steps: number, paths: number, seed: number): Sampled {
  const { spot, strike, rate, dividend_yield, volatility, maturity_years } = option
  const dt = maturity_years / steps
  const drift = (rate - dividend_yield - volatility ** 2 / 2) * dt
  const diffusion = volatility * Math.sqrt(dt)
  const normal = gaussian(seed)
  const discount = Math.exp(-rate * maturity_years)
  let sum = 0
  let squares = 0
  for (let path = 0; path < paths; path++) {
    let log = 0
    let total = 0
    for (let step = 0; step < steps; step++) {
      log += drift + diffusion * normal()
      total += Math.exp(log)
    }
    const payoff = discount * Math.max((spot * total) / steps - strike, 0)
    sum += payoff
    squares += payoff * payoff
  }
  const price = sum / paths
  return { price, standard_error: Math.sqrt((squares / paths - price * price) / (paths - 1)), paths }
}

function gaussian(seed: number): () => number {
  // xoshiro128** (Blackman and Vigna, 2018), stirred so that nearby seeds part.
  let [a, b, c, d] = [seed ^ 0x9e3779b9, seed ^ 0x243f6a88, seed ^ 0xb7e15162, 0xdeadbeef]
  const rotate = (x: number, k: number) => (x << k) | (x >>> (32 - k))
  const next = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotate(d, 11)
    return result
  }
  for (let i = 0; i < 64; i++) next()
  let spare: number | undefined
  return () => {
    if (spare !== undefined) {
      const value = spare
      spare = undefined
      return value
    }
    const radius = Math.sqrt(-2 * Math.log((next() + 0.5) / 4294967296))
    const angle = (2 * Math.PI * next()) / 4294967296
    spare = radius * Math.sin(angle)
    return radius * Math.cos(angle)
  }
}
