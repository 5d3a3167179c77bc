import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { outcomeWords } from '../outcome.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { insurance, insuranceSpec } from './index.ts'
import { oracleYear } from './oracle.test-support.ts'

const BASE = {
  claim_frequency: 6,
  claim_mean: 100,
  claim_deviation: 150,
  claim_deductible: 20,
  claim_limit: 500,
  catastrophe_frequency: 0.4,
  catastrophe_threshold: 1000,
  catastrophe_tail_index: 1.5,
  catastrophe_limit: 20_000,
  years: 1000,
}
const NO_TERMS = { claim_deductible: 0, claim_limit: 0, catastrophe_frequency: 0 }

const positive = (low: number, high: number) =>
  fc
    .double({ min: Math.log(low), max: Math.log(high), noNaN: true })
    .map((x) => Math.min(Math.max(Math.exp(x), low), high))

const anyArgs = fc
  .record({
    claim_frequency: fc.double({ min: 0, max: 150, noNaN: true }),
    claim_mean: positive(0.01, 1e10),
    spread: fc.double({ min: 0, max: 49, noNaN: true }),
    claim_deductible: fc.oneof(fc.constant(0), positive(0.01, 1e12)),
    claim_limit: fc.oneof(fc.constant(0), positive(0.01, 1e12)),
    catastrophe_frequency: fc.double({ min: 0, max: 5, noNaN: true }),
    catastrophe_threshold: positive(0.01, 1e12),
    catastrophe_tail_index: fc.double({ min: 0.8, max: 10, noNaN: true }),
    catastrophe_limit: positive(0.01, 1e12),
    aggregate_deductible: fc.oneof(fc.constant(0), positive(0.01, 1e12)),
    aggregate_limit: fc.oneof(fc.constant(0), positive(0.01, 1e12)),
  })
  .map(({ spread, ...args }) => ({
    ...args,
    claim_deviation: Math.min(spread * args.claim_mean, 1e11),
    years: 1000,
  }))

function agrees(args: object, key: readonly [number, number], years: number): void {
  const run = runOf(insuranceSpec, args as never, key)
  const constants = { ...run.plan.constants, last_paths: years }
  const plan = { ...run.plan, shard_count: 1, constants }
  for (const [name, value] of Object.entries(constants)) {
    if (typeof value === 'number')
      expect(Number.isInteger(value) && value <= 0xffffffff && value >= -0x80000000, name).toBe(true)
  }
  const leaf = referenceOf(insuranceSpec, { ...run, plan }, 0)
  const samples = Array.from({ length: years }, (_, year) => oracleYear(constants, key, BigInt(year)))
  expect([...bytesToWords(leaf)]).toEqual(outcomeWords(samples))
  expect(insuranceSpec.checkLeaf(plan, 0, leaf)).toBeUndefined()
}

describe('the leaf agrees with the BigInt oracle', () => {
  test.each([
    ['every term', {}],
    ['no terms', NO_TERMS],
    ['claims only, of one size', { ...NO_TERMS, claim_deviation: 0 }],
    ['catastrophes only', { claim_frequency: 0, catastrophe_frequency: 5, catastrophe_tail_index: 0.8 }],
    ['aggregate terms', { aggregate_deductible: 300, aggregate_limit: 400 }],
    ['many claims', { claim_frequency: 150 }],
  ])('%s', (_, change) => agrees({ ...BASE, ...change }, [5, 6], 100))

  test('whatever the arguments and the key', () => {
    let ran = 0
    property(
      'insurance leaf',
      [anyArgs, anyWord, anyWord],
      (args, k0, k1) => {
        try {
          agrees(args, [k0, k1], 3)
          ran++
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
        }
      },
      100,
    )
    expect(ran).toBeGreaterThan(50)
  })

  test('the last shard of many is its own years', () => {
    const run = runOf(insuranceSpec, { ...BASE, years: 2 ** 30 - 2 ** 19 + 3 })
    const { plan, key } = run
    const last = plan.shard_count - 1
    const first = BigInt(last) << BigInt(plan.constants.log2_shard_paths)
    expect(plan.constants.last_paths).toBe(3)
    const samples = [0n, 1n, 2n].map((i) => oracleYear(plan.constants, key, first + i))
    expect([...bytesToWords(referenceOf(insuranceSpec, run, last))]).toEqual(outcomeWords(samples))
  })
})

describe('plan', () => {
  test.each([
    ['claim_frequency', { claim_frequency: 0, catastrophe_frequency: 0 }],
    ['claim_deviation', { claim_deviation: 5001 }],
  ])('refuses by %s', (path, change) => {
    expect(() => runOf(insuranceSpec, { ...BASE, ...change })).toThrow(
      expect.objectContaining({ path: `args.${path}` }) as Error,
    )
  })
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const result = expectLaws(
      insuranceSpec,
      runOf(insuranceSpec, { ...BASE, claim_frequency: 60, years: 40_000 }),
    )
    expect(result.years).toBe(40_000)
    expect(
      result.exceedance.every(
        ({ probability }, i, all) => i === 0 || probability < (all[i - 1]?.probability ?? 1),
      ),
    ).toBe(true)
  })

  test('a compound Poisson year has its mean and variance', () => {
    const run = runOf(insuranceSpec, { ...BASE, ...NO_TERMS, years: 100_000 })
    const result = resultOf(insuranceSpec, run)
    expect(result.expected).toBeCloseTo(600, 9)
    expect(Math.abs(result.mean - 600)).toBeLessThan(4 * result.standard_error)
    // Var = lambda E X^2; its own relative error is about 2 % with lognormal claims.
    expect(result.standard_deviation / Math.sqrt(6 * (100 ** 2 + 150 ** 2))).toBeCloseTo(1, 1)
    expect(Math.abs(result.mean_claims - 6)).toBeLessThan(4 * Math.sqrt(6 / 100_000))
    expect(Math.abs(result.zero_fraction - Math.exp(-6))).toBeLessThan(4 * Math.sqrt(Math.exp(-6) / 100_000))
    expect(result.saturated).toBe(0)
  })

  test('deductibles and limits have their closed-form means', () => {
    // By numerical integration in double precision: independent of theory.ts.
    const claim = (() => {
      const variance = Math.log(1 + 1.5 ** 2)
      const [mu, sigma] = [Math.log(100) - variance / 2, Math.sqrt(variance)]
      let sum = 0
      for (let z = -9; z < 9; z += 1e-4) {
        const payment = Math.min(Math.max(Math.exp(mu + sigma * z) - 20, 0), 500)
        sum += (payment * Math.exp((-z * z) / 2) * 1e-4) / Math.sqrt(2 * Math.PI)
      }
      return sum
    })()
    // Threshold 1000, index 1.5, limit 20,000: 1000 + integral of (1000 / x)^1.5.
    const catastrophe = 1000 + 2000 * (1 - (1000 / 20_000) ** 0.5)
    const run = runOf(insuranceSpec, { ...BASE, years: 100_000 })
    const result = resultOf(insuranceSpec, run)
    expect((result.expected as number) / (6 * claim + 0.4 * catastrophe)).toBeCloseTo(1, 6)
    expect(Math.abs(result.mean - (result.expected as number))).toBeLessThan(4 * result.standard_error)
  })

  test('quantiles and exceedance against the sorted years of the oracle', () => {
    const run = runOf(insuranceSpec, BASE)
    const result = resultOf(insuranceSpec, run)
    const unit = 2 ** -run.plan.constants.unit_bits
    const years = Array.from(
      { length: 1000 },
      (_, year) => Number(oracleYear(run.plan.constants, run.key, BigInt(year)).outcome) * unit,
    ).sort((a, b) => a - b)
    for (const { return_period, low, high } of result.quantiles) {
      const value = years[Math.ceil(1000 - 1000 / return_period - 1e-9) - 1] as number
      expect(low <= value && value <= high, `${return_period}`).toBe(true)
    }
    for (const { loss, probability } of result.exceedance)
      expect(years.filter((year) => year >= loss && year > 0).length / 1000).toBeCloseTo(probability, 12)
    expect(result.worst).toBe(years.at(-1))
  })

  test('aggregate terms leave no closed form and are obeyed', () => {
    const run = runOf(insuranceSpec, { ...BASE, aggregate_limit: 700 })
    const result = resultOf(insuranceSpec, run)
    expect(result.expected).toBeNull()
    expect(result.worst).toBeCloseTo(700, 5)
  })
})

testGolden(insurance, import.meta.url)
