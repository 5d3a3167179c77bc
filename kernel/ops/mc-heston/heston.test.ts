import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { outcomeWords } from '../outcome.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { heston, hestonSpec } from './index.ts'
import { hestonCall, oraclePath } from './oracle.test-support.ts'

const BASE = {
  spot: 100,
  strike: 100,
  rate: 0.03,
  dividend_yield: 0.01,
  initial_variance: 0.05,
  long_run_variance: 0.04,
  mean_reversion: 1.5,
  variance_volatility: 0.4,
  correlation: -0.7,
  maturity_years: 1,
  steps: 20,
  paths: 200,
  right: 'call',
}

/** Any arguments that the schema takes; the plan may still refuse them. */
const anyArgs = fc.record({
  spot: fc.double({ min: 0.01, max: 1e6, noNaN: true }),
  strike: fc.double({ min: 0.01, max: 1e6, noNaN: true }),
  rate: fc.double({ min: -1, max: 1, noNaN: true }),
  initial_variance: fc.double({ min: 0.0001, max: 1, noNaN: true }),
  long_run_variance: fc.double({ min: 0.0001, max: 1, noNaN: true }),
  mean_reversion: fc.double({ min: 0, max: 20, noNaN: true }),
  variance_volatility: fc.double({ min: 0, max: 5, noNaN: true }),
  correlation: fc.double({ min: -1, max: 1, noNaN: true }),
  maturity_years: fc.double({ min: 0.001, max: 30, noNaN: true }),
  steps: fc.integer({ min: 1, max: 4096 }),
  paths: fc.integer({ min: 2, max: 2 ** 30 }),
  right: fc.constantFrom('call', 'put'),
})

describe('the leaf agrees with the BigInt oracle', () => {
  const agrees = (args: Record<string, string | number>, key: readonly [number, number], paths: number) => {
    const run = runOf(hestonSpec, { ...args, paths }, key)
    const samples = Array.from({ length: paths }, (_, path) =>
      oraclePath(run.args, run.plan.constants, key, BigInt(path)),
    )
    const leaf = referenceOf(hestonSpec, run, 0)
    expect([...bytesToWords(leaf)]).toEqual(outcomeWords(samples))
    expect(hestonSpec.checkLeaf(run.plan, 0, leaf)).toBeUndefined()
    return samples
  }

  test.each([
    ['even steps', {}],
    ['odd steps, a put', { steps: 11, right: 'put' }],
    ['one step', { steps: 1, maturity_years: 0.05 }],
    ['rising correlation', { correlation: 0.9 }],
    ['deterministic variance', { variance_volatility: 0, correlation: 1 }],
  ])('%s', (_, change) => {
    agrees({ ...BASE, ...change }, [1, 2], 60)
  })

  test('variances that hit both ends of their range', () => {
    const samples = agrees(
      {
        ...BASE,
        initial_variance: 1,
        long_run_variance: 1,
        mean_reversion: 0.5,
        variance_volatility: 1.1,
        maturity_years: 4,
        steps: 400,
      },
      [3, 4],
      12,
    )
    expect(samples.some(({ saturated }) => saturated > 0)).toBe(true)
  })

  test('whatever the arguments and the key', () => {
    let ran = 0
    property(
      'heston leaf',
      [anyArgs, anyWord, anyWord],
      (args, k0, k1) => {
        const few = { ...args, steps: Math.min(args.steps, 30), maturity_years: args.maturity_years / 10 }
        if (few.maturity_years < 0.001) return
        try {
          agrees(few, [k0, k1], 3)
          ran++
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
        }
      },
      150,
    )
    expect(ran).toBeGreaterThan(20)
  })

  test('the last shard of many is its own paths', () => {
    const run = runOf(hestonSpec, { ...BASE, steps: 4096, paths: 2 ** 30 - 127 })
    const { plan, args, key } = run
    expect(plan.constants.last_paths).toBe(1)
    const first = BigInt(plan.shard_count - 1) << BigInt(plan.constants.log2_shard_paths)
    expect([...bytesToWords(referenceOf(hestonSpec, run, plan.shard_count - 1))]).toEqual(
      outcomeWords([oraclePath(args, plan.constants, key, first)]),
    )
  })
})

describe('plan', () => {
  test('whatever the arguments: words in range, or a refusal that says where', () => {
    let planned = 0
    property(
      'heston plan',
      [anyArgs],
      (args) => {
        try {
          const { plan } = runOf(hestonSpec, args)
          planned++
          for (const [name, value] of Object.entries(plan.constants)) {
            expect(Number.isInteger(value) && value <= 0xffffffff && value >= -0x80000000, name).toBe(true)
          }
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
          expect(error.code).toBe('ARGS_OUT_OF_RANGE')
          expect(error.path).toMatch(/^args\.\w+$/)
          expect(error.hint).toBeTruthy()
        }
      },
      1000,
    )
    expect(planned).toBeGreaterThan(100)
  })

  test.each([
    ['steps', { steps: 5 }],
    ['mean_reversion', { mean_reversion: 20, steps: 11 }],
    ['variance_volatility', { variance_volatility: 5 }],
    ['rate', { rate: 1, maturity_years: 20, steps: 400 }],
    ['strike', { strike: 1e9 }],
  ])('refuses by %s', (path, change) => {
    expect(() => runOf(hestonSpec, { ...BASE, ...change })).toThrow(
      expect.objectContaining({ path: `args.${path}` }) as Error,
    )
  })
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const result = expectLaws(hestonSpec, runOf(hestonSpec, { ...BASE, steps: 512, paths: 2500 }))
    expect(result.paths).toBe(2500)
  })

  test.each([
    ['at the money', {}],
    ['a put out of the money', { right: 'put', strike: 85 }],
    ['wild variance', { variance_volatility: 0.8, correlation: -0.3 }],
  ])('is the price by the characteristic function: %s', (_, change) => {
    const run = runOf(hestonSpec, { ...BASE, steps: 64, paths: 32_768, ...change })
    const { args } = run
    const result = resultOf(hestonSpec, run)
    const call = hestonCall(args)
    const exact =
      args.right === 'call'
        ? call
        : call -
          args.spot * Math.exp(-args.dividend_yield * args.maturity_years) +
          args.strike * Math.exp(-args.rate * args.maturity_years)
    // Four standard errors, and the scheme's bias: about 0.5 % of the price at 64 steps a year.
    expect(Math.abs(result.price - exact)).toBeLessThan(4 * result.standard_error + 0.006 * exact)
    expect(Math.abs(result.forward.estimate / result.forward.expected - 1)).toBeLessThan(0.005)
    // At most one path that reaches a variance of 2.
    expect(result.saturated).toBeLessThan(10)
    const paid = result.histogram.counts.reduce((sum, count) => sum + count, 0)
    expect(paid).toBe(Math.round(args.paths * (1 - result.zero_fraction)))
  })
})

testGolden(heston, import.meta.url)
