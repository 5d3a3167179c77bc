import fc from 'fast-check'
import type { GbmArgs } from './args.ts'
import { gbmSpec } from './index.ts'

export const BASE: GbmArgs = {
  spot: 100,
  strike: 105,
  rate: 0.05,
  dividend_yield: 0.01,
  volatility: 0.2,
  maturity_years: 1,
  steps: 12,
  paths: 1000,
  style: 'european',
  right: 'call',
}

export function contextOf(
  change: Partial<GbmArgs>,
  key: readonly [number, number] = [0x243f6a88, 0x85a308d3],
) {
  const { strike, ...base } = BASE
  const terms = change.strike_type === 'floating' ? base : { ...base, strike }
  const args = gbmSpec.args.parse({ ...terms, ...change })
  return { args, plan: gbmSpec.plan(args, {}), key, inputRefs: {}, inputs: new Map<string, Uint8Array>() }
}

const positive = (low: number, high: number) =>
  fc
    .double({ min: Math.log(low), max: Math.log(high), noNaN: true })
    .map((x) => Math.min(Math.max(Math.exp(x), low), high))

/** Any arguments that the schema takes; the plan may still refuse them. */
export const anyArgs: fc.Arbitrary<GbmArgs> = fc
  .record({
    spot: positive(0.0001, 1e9),
    // Within a factor of a million of the spot.
    strike: positive(1e-6, 1e6),
    rate: fc.double({ min: -1, max: 1, noNaN: true }),
    dividend_yield: fc.double({ min: -1, max: 1, noNaN: true }),
    volatility: positive(0.001, 5),
    maturity_years: positive(0.001, 50),
    steps: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 4096 })),
    paths: fc.oneof(fc.integer({ min: 2, max: 100_000 }), fc.integer({ min: 2, max: 2 ** 34 })),
    style: fc.constantFrom('european', 'asian'),
    right: fc.constantFrom('call', 'put'),
  })
  .map((args) => ({ ...args, strike: Math.min(Math.max(args.spot * args.strike, 0.0001), 1e9) }) as GbmArgs)

const TYPES = ['up_and_in', 'up_and_out', 'down_and_in', 'down_and_out'] as const

/** Any arguments of the kernel of scenarios. */
export const anyScenario: fc.Arbitrary<GbmArgs> = fc
  .record({
    args: anyArgs,
    style: fc.constantFrom('european', 'asian', 'digital', 'barrier', 'lookback'),
    type: fc.constantFrom(...TYPES),
    distance: fc.double({ min: 0.01, max: 1.5, noNaN: true }),
    rebate: fc.option(fc.double({ min: 0, max: 2, noNaN: true })),
    floating: fc.boolean(),
    greeks: fc.boolean(),
  })
  .map(({ args, style, type, distance, rebate, floating, greeks }): GbmArgs => {
    const { strike, ...rest } = { ...args, ...(greeks ? { greeks } : {}) }
    switch (style) {
      case 'european':
      case 'asian':
        return { ...rest, strike: strike ?? args.spot, style, greeks: true }
      case 'digital':
        return { ...rest, strike: strike ?? args.spot, style, payout: 3 }
      case 'barrier':
        return {
          ...rest,
          strike: strike ?? args.spot,
          style,
          barrier_type: type,
          barrier: Math.min(
            Math.max(args.spot * Math.exp(type.startsWith('up') ? distance : -distance), 0.0001),
            1e9,
          ),
          ...(rebate === null ? {} : { rebate: Math.min(args.spot * rebate, 1e9) }),
        }
      default:
        return floating
          ? { ...rest, style: 'lookback', strike_type: 'floating' }
          : { ...rest, strike: strike ?? args.spot, style: 'lookback', strike_type: 'fixed' }
    }
  })
