import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { outcomeWords } from '../outcome.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { eta, etaSpec } from './index.ts'
import { oracleTrip } from './oracle.test-support.ts'

const BASE = {
  segments: [
    { name: 'city', minutes: 18, variation: 0.4 },
    { name: 'motorway', minutes: 42, variation: 0.1 },
    { name: 'walk', minutes: 5, variation: 0 },
  ],
  deadline_minutes: 80,
  traffic_correlation: 0.4,
  bad_weather_probability: 0.2,
  bad_weather_factor: 1.3,
  incidents_per_hour: 0.5,
  incident_delay_minutes: 12,
  trips: 1000,
}
const CALM = { bad_weather_probability: 0, incidents_per_hour: 0 }

const anyArgs = fc.record({
  segments: fc.array(
    fc.record({
      name: fc.constant('s'),
      minutes: fc.double({ min: 0.01, max: 10_000, noNaN: true }),
      variation: fc.double({ min: 0, max: 2, noNaN: true }),
    }),
    { minLength: 1, maxLength: 16 },
  ),
  deadline_minutes: fc.double({ min: 0.01, max: 1e6, noNaN: true }),
  traffic_correlation: fc.double({ min: 0, max: 1, noNaN: true }),
  bad_weather_probability: fc.double({ min: 0, max: 1, noNaN: true }),
  bad_weather_factor: fc.double({ min: 1, max: 5, noNaN: true }),
  incidents_per_hour: fc.double({ min: 0, max: 0.05, noNaN: true }),
  incident_delay_minutes: fc.double({ min: 0, max: 10_000, noNaN: true }),
  trips: fc.constant(1000),
})

function agrees(args: object, key: readonly [number, number], trips: number): void {
  const run = runOf(etaSpec, args as never, key)
  const constants = { ...run.plan.constants, last_paths: trips }
  const plan = { ...run.plan, shard_count: 1, constants }
  const leaf = referenceOf(etaSpec, { ...run, plan }, 0)
  const samples = Array.from({ length: trips }, (_, trip) => oracleTrip(constants, key, BigInt(trip)))
  expect([...bytesToWords(leaf)]).toEqual(outcomeWords(samples))
  expect(etaSpec.checkLeaf(plan, 0, leaf)).toBeUndefined()
}

describe('the leaf agrees with the BigInt oracle', () => {
  test.each([
    ['everything', {}],
    ['calm', CALM],
    ['always bad weather', { bad_weather_probability: 1 }],
    ['one traffic for all', { traffic_correlation: 1 }],
    ['many incidents', { incidents_per_hour: 4 }],
  ])('%s', (_, change) => agrees({ ...BASE, ...change }, [5, 6], 200))

  test('whatever the arguments and the key', () => {
    let ran = 0
    property(
      'eta leaf',
      [anyArgs, anyWord, anyWord],
      (args, k0, k1) => {
        try {
          agrees(args, [k0, k1], 4)
          ran++
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
          expect(error.path).toBe('args.incidents_per_hour')
        }
      },
      100,
    )
    expect(ran).toBeGreaterThan(20)
  })

  test('the last shard of many is its own trips', () => {
    const run = runOf(etaSpec, { ...BASE, trips: 2 ** 30 - 2 ** 19 + 3 })
    const { plan, key } = run
    const last = plan.shard_count - 1
    const first = BigInt(last) << BigInt(plan.constants.log2_shard_paths)
    const samples = [0n, 1n, 2n].map((i) => oracleTrip(plan.constants, key, first + i))
    expect([...bytesToWords(referenceOf(etaSpec, run, last))]).toEqual(outcomeWords(samples))
  })
})

test('refuses more than five incidents a trip', () => {
  expect(() => runOf(etaSpec, { ...BASE, incidents_per_hour: 5 })).toThrow(
    expect.objectContaining({ path: 'args.incidents_per_hour' }) as Error,
  )
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const segments = Array.from({ length: 16 }, (_, i) => ({ name: `s${i}`, minutes: 1 + i, variation: 0.2 }))
    const result = expectLaws(etaSpec, runOf(etaSpec, { ...BASE, segments, trips: 80_000 }))
    expect(result.trips).toBe(80_000)
  })

  test('one calm segment is lognormal: probability and quantiles', () => {
    const run = runOf(etaSpec, {
      ...BASE,
      ...CALM,
      segments: [{ name: 's', minutes: 60, variation: 0.3 }],
      deadline_minutes: 75,
      trips: 100_000,
    })
    const result = resultOf(etaSpec, run)
    const sigma = Math.sqrt(Math.log(1.09))
    const mu = Math.log(60) - sigma ** 2 / 2
    // Phi((ln 75 - mu) / sigma) by integration of the density.
    let cdf = 0
    for (let z = -9; z < (Math.log(75) - mu) / sigma; z += 1e-4)
      cdf += (Math.exp((-z * z) / 2) * 1e-4) / Math.sqrt(2 * Math.PI)
    expect(Math.abs(result.on_time - cdf)).toBeLessThan(4 * result.standard_error + 1e-4)
    for (const [percent, z] of [
      [50, 0],
      [95, 1.6448536269514722],
    ] as const) {
      const found = result.quantiles.find((quantile) => quantile.percent === percent)
      expect((found?.low ?? 0) / Math.exp(mu + sigma * z)).toBeCloseTo(1, 1)
      expect(found?.high).toBeGreaterThan(found?.low as number)
    }
    expect(result.standard_deviation / 18).toBeCloseTo(1, 1)
  })

  test('the mean is that of the model, weather and incidents included', () => {
    const result = resultOf(etaSpec, runOf(etaSpec, { ...BASE, trips: 100_000 }))
    // 65 minutes of base, 6 % of weather, 65 / 60 / 2 incidents of 12 minutes.
    expect(result.expected).toBeCloseTo(65 * 1.06 + (65 / 120) * 12, 9)
    expect(Math.abs(result.mean - result.expected)).toBeLessThan(4 * result.mean_error)
    expect(result.saturated).toBe(0)
  })

  test('traffic that the segments share widens the trip', () => {
    const spread = (traffic_correlation: number) =>
      resultOf(etaSpec, runOf(etaSpec, { ...BASE, ...CALM, traffic_correlation, trips: 50_000 }))
        .standard_deviation
    // Independent: sqrt(7.2^2 + 4.2^2); shared: about 7.2 + 4.2.
    expect(spread(0) / Math.hypot(7.2, 4.2)).toBeCloseTo(1, 1)
    expect(spread(1) / 11.4).toBeCloseTo(1, 1)
  })
})

testGolden(eta, import.meta.url)
