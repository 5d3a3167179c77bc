import { describe, expect, it } from 'vitest'
import { arithmeticAsianCall, blackScholesCall, geometricAsianCall, normalCdf } from './option-prices.ts'

const option = { spot: 100, strike: 100, rate: 0.05, dividend_yield: 0, volatility: 0.2, maturity_years: 1 }

describe("the demo's independent prices", () => {
  it('give the textbook Black–Scholes price', () => {
    // Hull, Options, Futures and Other Derivatives: S = 42, K = 40, r = 10 %, sigma = 20 %, T = 0.5 gives 4.76.
    expect(blackScholesCall({ ...option, spot: 42, strike: 40, rate: 0.1, maturity_years: 0.5 })).toBeCloseTo(
      4.7594,
      4,
    )
    expect(blackScholesCall(option)).toBeCloseTo(10.450583572185565, 10)
  })

  it('give the normal distribution', () => {
    expect(normalCdf(0)).toBeCloseTo(0.5, 14)
    expect(normalCdf(1.96)).toBeCloseTo(0.9750021048517795, 13)
    expect(normalCdf(-8)).toBeCloseTo(6.22096057427178e-16, 22)
  })

  it('agree where the average has one step, and order geometric below arithmetic', () => {
    expect(geometricAsianCall(option, 1)).toBeCloseTo(blackScholesCall(option), 10)
    const sampled = arithmeticAsianCall(option, 12, 40_000, 1)
    expect(sampled.price + 4 * sampled.standard_error).toBeGreaterThan(geometricAsianCall(option, 12))
    expect(Math.abs(sampled.price - geometricAsianCall(option, 12))).toBeLessThan(1)
  })
})
