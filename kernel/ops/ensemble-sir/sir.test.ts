import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ForgeError } from '../../errors.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { sir, sirSpec } from './index.ts'
import { oracleLeaf } from './oracle.test-support.ts'
import { spreadBin, spreadEdge } from './plan.ts'

const BASE = {
  population: 1000,
  initially_infectious: 5,
  transmission_rate: 0.5,
  recovery_rate: 0.25,
  days: 60,
  steps_per_day: 2,
  runs: 100,
}

const anyArgs = fc.record({
  population: fc.oneof(fc.integer({ min: 100, max: 3000 }), fc.integer({ min: 100, max: 10_000_000 })),
  initially_infectious: fc.integer({ min: 1, max: 100 }),
  transmission_rate: fc.double({ min: 0, max: 10, noNaN: true }),
  recovery_rate: fc.double({ min: 0.001, max: 5, noNaN: true }),
  days: fc.integer({ min: 6, max: 20 }),
  steps_per_day: fc.integer({ min: 4, max: 16 }),
  runs: fc.constant(100),
})

function agrees(args: object, key: readonly [number, number], runs: number): void {
  const run = runOf(sirSpec, args as never, key)
  const constants = { ...run.plan.constants, last_paths: runs }
  const plan = { ...run.plan, shard_count: 1, constants }
  const leaf = referenceOf(sirSpec, { ...run, plan }, 0)
  expect([...bytesToWords(leaf)]).toEqual(oracleLeaf(constants, key, 0, runs))
  expect(sirSpec.checkLeaf(plan, 0, leaf)).toBeUndefined()
}

describe('the leaf agrees with the BigInt oracle', () => {
  test.each([
    ['an outbreak', {}],
    ['ten million people', { population: 10_000_000, initially_infectious: 100_000 }],
    ['no transmission', { transmission_rate: 0 }],
    ['most are immune', { initially_immune: 900 }],
    ['steps that no multiple of 24 divides', { days: 29, steps_per_day: 1 }],
    ['everyone is infectious', { initially_infectious: 1000 }],
  ])('%s', (_, change) => agrees({ ...BASE, ...change }, [5, 6], 12))

  test('whatever the arguments and the key', () => {
    let ran = 0
    property(
      'sir leaf',
      [anyArgs, anyWord, anyWord],
      (args, k0, k1) => {
        try {
          agrees(args, [k0, k1], 1)
          ran++
        } catch (error) {
          if (!(error instanceof ForgeError)) throw error
          expect(error.path).toMatch(/^args\.(transmission_rate|recovery_rate|initially_infectious)$/)
        }
      },
      60,
    )
    expect(ran).toBeGreaterThan(20)
  })

  test('the last shard of many is its own runs', () => {
    const run = runOf(sirSpec, { ...BASE, runs: 2 ** 26 - 2 ** 15 + 3 })
    const { plan, key } = run
    const last = plan.shard_count - 1
    expect(plan.constants.last_paths).toBe(3)
    expect([...bytesToWords(referenceOf(sirSpec, run, last))]).toEqual(
      oracleLeaf(plan.constants, key, last * 2 ** plan.constants.log2_shard_paths, 3),
    )
  })
})

test('bins of people cover their edges', () => {
  for (let people = 0; people < 2 ** 17; people++) {
    const bin = spreadBin(people)
    if (spreadEdge(bin, 0) > people || people >= spreadEdge(bin + 1, 0))
      throw new Error(`${people} in bin ${bin}`)
  }
  expect(spreadBin(2 ** 17 - 1)).toBe(63)
})

describe('plan', () => {
  test.each([
    ['initially_infectious', { initially_infectious: 600, initially_immune: 500 }],
    ['steps_per_day', { days: 3650, steps_per_day: 9 }],
    ['steps_per_day', { days: 2 }],
    ['transmission_rate', { transmission_rate: 2 }],
    ['recovery_rate', { recovery_rate: 2 }],
  ])('refuses by %s', (path, change) => {
    expect(() => runOf(sirSpec, { ...BASE, ...change })).toThrow(
      expect.objectContaining({ path: `args.${path}` }) as Error,
    )
  })
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const result = expectLaws(sirSpec, runOf(sirSpec, { ...BASE, days: 512, runs: 900 }))
    expect(result.runs).toBe(900)
    for (const { percent_5, median, percent_95 } of result.course)
      expect(percent_5 <= median && median <= percent_95).toBe(true)
  })

  test('a large population follows the differential equations', () => {
    const run = runOf(sirSpec, {
      population: 10_000_000,
      initially_infectious: 100_000,
      transmission_rate: 0.4,
      recovery_rate: 0.2,
      days: 120,
      steps_per_day: 8,
      runs: 100,
    })
    const result = resultOf(sirSpec, run)
    // The same Euler steps without chance, in doubles.
    let [s, i] = [0.99, 0.01]
    const course: number[] = []
    for (let step = 1; step <= 960; step++) {
      const [infections, recoveries] = [(s * i * 0.4) / 8, (i * 0.2) / 8]
      s -= infections
      i += infections - recoveries
      if (step % 40 === 0) course.push(i)
    }
    expect(result.attack_rate).toBeCloseTo(1 - s, 3)
    result.course.forEach(({ mean, median, day }, k) => {
      expect(day).toBe(5 * (k + 1))
      expect(mean / 1e7).toBeCloseTo(course[k] as number, 3)
      // Within its bin, which is at most a quarter wide from four times the finest bin on.
      if (mean > 1024) expect(Math.abs(median / mean - 1)).toBeLessThan(0.25)
    })
    expect(result.mean_peak / 1e7).toBeCloseTo(Math.max(...course), 2)
  })

  test('few infectious people die out as a branching process does', () => {
    // Extinction of a birth and death process from 3 people with R = 2: (1/2)^3. Short steps keep the leaps close to it.
    const run = runOf(sirSpec, {
      population: 100_000,
      initially_infectious: 3,
      transmission_rate: 1,
      recovery_rate: 0.5,
      days: 60,
      steps_per_day: 16,
      runs: 3000,
    })
    const result = resultOf(sirSpec, run)
    expect(Math.abs(result.outbreak_probability - 7 / 8)).toBeLessThan(4 * result.outbreak_error + 0.01)
  })

  test('no one is infected without transmission', () => {
    const result = resultOf(sirSpec, runOf(sirSpec, { ...BASE, transmission_rate: 0 }))
    expect(result.attack_rate).toBe(0.005)
    expect(result.outbreak_probability).toBe(0)
    expect(result.largest_peak).toBe(5)
  })
})

describe('checkLeaf', () => {
  const run = runOf(sirSpec, BASE)
  const good = referenceOf(sirSpec, run, 0)
  const at = (words: Uint32Array, i: number): number => words[i] as number
  test.each<[string, (words: Uint32Array) => void, string]>([
    ['a run more', (w) => w.set([101]), 'runs instead'],
    ['too many outbreaks', (w) => w.set([101], 1), 'outbreaks'],
    ['too many infected', (w) => w.set([1], 5), 'infected'],
    ['squares too small', (w) => w.fill(0, 6, 9), 'Cauchy'],
    ['a peak above the population', (w) => w.set([1001], 2), 'largest peak'],
    ['peaks too small', (w) => w.fill(0, 9, 11), 'peaks'],
    ['late peaks', (w) => w.set([1], 15), 'last step'],
    ['a count more at a time', (w) => w.set([at(w, 60) + 1], 60), 'bins'],
    ['a sum off its bins', (w) => w.set([at(w, 16) + 5000], 16), 'sum at time 0'],
  ])('names %s', (_, change, complaint) => {
    const words = bytesToWords(good)
    change(words)
    expect(sirSpec.checkLeaf(run.plan, 0, wordsToBytes(words))).toContain(complaint)
  })
})

testGolden(sir, import.meta.url)
