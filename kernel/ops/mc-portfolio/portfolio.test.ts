import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { choleskyQ } from './cholesky.ts'
import { portfolio, portfolioSpec } from './index.ts'
import { oracleLeaf } from './oracle.test-support.ts'

const POSITIONS = [
  { name: 'a', exposure: 500, volatility: 0.2, expected_return: 0.05 },
  { name: 'b', exposure: -300, volatility: 0.4 },
  { name: 'c', exposure: 200, volatility: 0.1, expected_return: -0.02 },
]
const CORRELATIONS = [
  [1, 0.5, -0.3],
  [0.5, 1, 0.1],
  [-0.3, 0.1, 1],
]
const BASE = { positions: POSITIONS, correlations: CORRELATIONS, paths: 1000 }

/** A factor model's correlations: always semidefinite up to rounding. */
const anyArgs = fc
  .record({
    loads: fc.array(fc.double({ min: -0.9, max: 0.9, noNaN: true }), { minLength: 1, maxLength: 16 }),
    exposures: fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 16, maxLength: 16 }),
    volatilities: fc.array(fc.double({ min: 0, max: 3, noNaN: true }), { minLength: 16, maxLength: 16 }),
    horizon_days: fc.double({ min: 0.1, max: 300, noNaN: true }),
    confidence: fc.double({ min: 0.8, max: 0.9999, noNaN: true }),
    returns: fc.constantFrom('simple', 'log'),
    tails: fc.constantFrom('normal', 'student'),
    degrees_of_freedom: fc.integer({ min: 3, max: 30 }),
  })
  .map(({ loads, exposures, volatilities, ...rest }) => ({
    ...rest,
    positions: loads.map((_, i) => ({
      name: `p${i}`,
      exposure: exposures[i] as number,
      volatility: volatilities[i] as number,
    })),
    correlations: loads.map((x, i) => loads.map((y, j) => (i === j ? 1 : x * y))),
    paths: 1000,
  }))

/** A leaf of a few paths against the oracle. */
function agrees(args: object, key: readonly [number, number], paths: number): void {
  const run = runOf(portfolioSpec, args as never, key)
  const constants = { ...run.plan.constants, last_paths: paths }
  const plan = { ...run.plan, shard_count: 1, constants }
  const leaf = referenceOf(portfolioSpec, { ...run, plan }, 0)
  expect([...bytesToWords(leaf)]).toEqual(oracleLeaf(run.args, constants, key, 0n, paths))
  expect(portfolioSpec.checkLeaf(plan, 0, leaf)).toBeUndefined()
}

describe('the leaf agrees with the BigInt oracle', () => {
  test.each([
    ['simple, normal', {}],
    ['log, normal', { returns: 'log' }],
    ['simple, student', { tails: 'student' }],
    ['log, 3 degrees of freedom', { tails: 'student', degrees_of_freedom: 3, returns: 'log' }],
    [
      'log returns that saturate',
      { tails: 'student', degrees_of_freedom: 3, returns: 'log', horizon_days: 350 },
    ],
    ['one position', { positions: POSITIONS.slice(0, 1), correlations: [] }],
  ])('%s', (_, change) => agrees({ ...BASE, ...change }, [5, 6], 300))

  test('whatever the arguments and the key', () => {
    let ran = 0
    property(
      'portfolio leaf',
      [anyArgs, anyWord, anyWord],
      (args, k0, k1) => {
        try {
          agrees(args, [k0, k1], 4)
          ran++
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
          expect(error.path).toMatch(/^args\.\w+/)
          expect(error.hint).toBeTruthy()
        }
      },
      150,
    )
    expect(ran).toBeGreaterThan(30)
  })

  test('the last shard of many is its own paths', () => {
    const run = runOf(portfolioSpec, { ...BASE, paths: 2 ** 30 - 2 ** 19 + 3 })
    const { plan, args, key } = run
    const last = plan.shard_count - 1
    expect(plan.constants.last_paths).toBe(3)
    const first = BigInt(last) << BigInt(plan.constants.log2_shard_paths)
    expect([...bytesToWords(referenceOf(portfolioSpec, run, last))]).toEqual(
      oracleLeaf(args, plan.constants, key, first, plan.constants.last_paths),
    )
  })
})

describe('correlations', () => {
  test('the factor gives back the matrix', () => {
    property(
      'cholesky',
      [anyArgs],
      ({ correlations }) => {
        const n = correlations.length
        const factor = choleskyQ(correlations, n)
        for (let i = 0; i < n; i++) {
          for (let j = 0; j <= i; j++) {
            let sum = 0n
            for (let k = 0; k <= j; k++)
              sum += ((factor[i] as bigint[])[k] as bigint) * ((factor[j] as bigint[])[k] as bigint)
            expect(Number(sum >> 260n) / 2 ** 60).toBeCloseTo((correlations[i] as number[])[j] as number, 11)
          }
        }
      },
      200,
    )
  })

  test('a perfectly correlated pair has one source of risk', () => {
    const factor = choleskyQ(
      [
        [1, 1],
        [1, 1],
      ],
      2,
    )
    expect(factor[1]).toEqual([1n << 160n, 0n])
  })

  test.each([
    ['another size', [[1]]],
    [
      'a diagonal that is not one',
      [
        [1, 0, 0],
        [0, 0.9, 0],
        [0, 0, 1],
      ],
    ],
    [
      'asymmetry',
      [
        [1, 0.1, 0],
        [0.2, 1, 0],
        [0, 0, 1],
      ],
    ],
    [
      'contradiction',
      [
        [1, 0.9, -0.9],
        [0.9, 1, 0.9],
        [-0.9, 0.9, 1],
      ],
    ],
  ])('refuses %s', (_, correlations) => {
    expect(() => runOf(portfolioSpec, { ...BASE, correlations })).toThrow(
      expect.objectContaining({ path: 'args.correlations' }) as Error,
    )
  })
})

describe('plan', () => {
  test.each([
    ['positions', { positions: [{ name: 'none', exposure: 0, volatility: 0.1 }], correlations: [] }],
    ['positions[1].volatility', { horizon_days: 1260, returns: 'log' }],
    ['scenarios[0].shocks', { scenarios: [{ name: 'short', shocks: [0.1] }] }],
  ])('refuses by %s', (path, change) => {
    expect(() => runOf(portfolioSpec, { ...BASE, ...change })).toThrow(
      expect.objectContaining({ path: `args.${path}` }) as Error,
    )
  })
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const args = {
      ...BASE,
      tails: 'student',
      paths: 600_000,
      scenarios: [{ name: 's', shocks: [-0.1, 0.2, 0] }],
    }
    const run = runOf(portfolioSpec, args)
    const result = expectLaws(portfolioSpec, run)
    expect(result.paths).toBe(600_000)
    expect(result.scenarios).toEqual([{ name: 's', loss: 110 }])
    expect(result.gross_exposure).toBe(1000)
  })

  test('a normal portfolio has its closed-form risk', () => {
    for (const confidence of [0.95, 0.995]) {
      const run = runOf(portfolioSpec, { ...BASE, confidence, paths: 100_000 })
      const result = resultOf(portfolioSpec, run)
      const h = 10 / 252
      const w = POSITIONS.map(({ exposure, volatility }) => exposure * volatility * Math.sqrt(h))
      let variance = 0
      w.forEach((x, i) => {
        w.forEach((y, j) => {
          variance += x * y * ((CORRELATIONS[i] as number[])[j] as number)
        })
      })
      const sigma = Math.sqrt(variance)
      const mean = -h * (500 * 0.05 - 200 * 0.02)
      expect(result.normal.exact).toBe(true)
      expect(result.normal.standard_deviation).toBeCloseTo(sigma, 9)
      const z = confidence === 0.95 ? 1.6448536269514722 : 2.5758293035489004
      expect(result.normal.value_at_risk).toBeCloseTo(z * sigma + mean, 9)
      const shortfall = (sigma * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI) / (1 - confidence) + mean
      expect(result.normal.expected_shortfall).toBeCloseTo(shortfall, 8)
      expect(Math.abs(result.value_at_risk - z * sigma - mean)).toBeLessThan(4 * result.standard_error)
      expect(Math.abs(result.expected_shortfall - shortfall)).toBeLessThan(
        4 * result.expected_shortfall_error,
      )
      expect(Math.abs(result.mean_loss - mean)).toBeLessThan(4 * result.mean_loss_error)
      expect(result.standard_deviation / sigma).toBeCloseTo(1, 1)
      // sqrt(p (1 - p) / n) / density is within a fifth of the estimate from a bin.
      const density = Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI) / sigma
      const error = Math.sqrt((confidence * (1 - confidence)) / 100_000) / density
      expect(Math.abs(result.standard_error / error - 1)).toBeLessThan(0.5)
    }
  })

  test("a single position with Student's tails has the quantile of t", () => {
    const run = runOf(portfolioSpec, {
      positions: [{ name: 'a', exposure: 100, volatility: 0.2 }],
      tails: 'student',
      degrees_of_freedom: 5,
      horizon_days: 252,
      paths: 100_000,
    })
    const result = resultOf(portfolioSpec, run)
    // The 99 % quantile of t with 5 degrees of freedom is 3.36493; its density there 0.010916.
    const t = 3.364929998907218
    const exact = 20 * t * Math.sqrt(3 / 5)
    expect(Math.abs(result.value_at_risk - exact)).toBeLessThan(4 * result.standard_error)
    const density = 0.3796066898 * (1 + (t * t) / 5) ** -3
    const shortfall = 20 * Math.sqrt(3 / 5) * ((density / 0.01) * ((5 + t * t) / 4))
    expect(Math.abs(result.expected_shortfall - shortfall)).toBeLessThan(4 * result.expected_shortfall_error)
    expect(result.standard_deviation).toBeCloseTo(20, 0)
  })

  test('a single log position has the quantile of the lognormal', () => {
    const run = runOf(portfolioSpec, {
      positions: [{ name: 'a', exposure: 100, volatility: 0.3, expected_return: 0.05 }],
      returns: 'log',
      horizon_days: 252,
      paths: 100_000,
    })
    const result = resultOf(portfolioSpec, run)
    const exact = 100 * (1 - Math.exp(0.05 - 0.045 - 2.3263478740408408 * 0.3))
    expect(Math.abs(result.value_at_risk - exact)).toBeLessThan(4 * result.standard_error)
    expect(Math.abs(result.mean_loss + 100 * (Math.exp(0.05) - 1))).toBeLessThan(4 * result.mean_loss_error)
  })
})

describe('checkLeaf', () => {
  const run = runOf(portfolioSpec, BASE)
  const good = referenceOf(portfolioSpec, run, 0)
  const at = (words: Uint32Array, i: number): number => words[i] as number
  const used = (() => {
    const words = bytesToWords(good)
    let bin = 255
    while (at(words, 208 + 3 * bin) === 0) bin--
    return 208 + 3 * bin
  })()
  test.each<[string, (words: Uint32Array) => void, string]>([
    ['a path more', (w) => w.set([at(w, 0) + 1]), 'paths instead'],
    ['too many saturated', (w) => w.set([5000], 1), 'saturations'],
    ['an impossible loss', (w) => w.set([0xffffffff], 3), 'worst loss'],
    ['a lower worst loss', (w) => w.set([at(w, 3) - (1 << 20)], 3), 'tail'],
    ['a body count more', (w) => w.set([at(w, 100) + 1], 100), 'in bins'],
    ['a sum out of bounds', (w) => w.set([1], 6), 'sum of losses'],
    ['no squares', (w) => w.fill(0, 8, 12), 'Cauchy'],
    ['a tail sum off its bin', (w) => w.set([0], used + 1), 'tail bin'],
  ])('names %s', (_, change, complaint) => {
    const words = bytesToWords(good)
    change(words)
    expect(portfolioSpec.checkLeaf(run.plan, 0, wordsToBytes(words))).toContain(complaint)
  })
})

testGolden(portfolio, import.meta.url)
