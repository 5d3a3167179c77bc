import { describe, expect, test } from 'vitest'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { ising, isingSpec } from './index.ts'
import { exactFourByFour, oracleLeaf } from './oracle.test-support.ts'
import { spontaneousMagnetisation } from './result.ts'

const BASE = { size: 8, temperature: 2.3, burn_in: 4, measured: 6, interval: 2, replicas: 8 }

describe('the leaf agrees with the oracle that moves spin by spin', () => {
  test.each([
    ['4 x 4', { size: 4 }],
    ['8 x 8, random start', { start: 'random' }],
    ['16 x 16, hot', { size: 16, temperature: 50, start: 'random' }],
    ['32 x 32', { size: 32, temperature: 2 }],
    ['32 x 32, random start', { size: 32, start: 'random', interval: 1, burn_in: 1, measured: 3 }],
    ['cold: nothing moves', { temperature: 0.2 }],
  ])('%s', (_, change) => {
    const run = runOf(isingSpec, { ...BASE, ...change }, [5, 6])
    const constants = { ...run.plan.constants, last_paths: 3 }
    const plan = { ...run.plan, shard_count: 1, constants }
    const leaf = referenceOf(isingSpec, { ...run, plan }, 0)
    expect([...bytesToWords(leaf)]).toEqual(oracleLeaf(run.args, constants, [5, 6], 0, 3))
    expect(isingSpec.checkLeaf(plan, 0, leaf)).toBeUndefined()
  })

  test('the last shard of many is its own replicas', () => {
    const run = runOf(isingSpec, { ...BASE, replicas: 2 ** 24 - 2 ** 15 + 3 })
    const { plan, args, key } = run
    const last = plan.shard_count - 1
    expect(plan.constants.last_paths).toBe(3)
    expect([...bytesToWords(referenceOf(isingSpec, run, last))]).toEqual(
      oracleLeaf(args, plan.constants, key, last * 2 ** plan.constants.log2_shard_paths, 3),
    )
  })
})

describe('plan', () => {
  test.each([
    ['measured', { burn_in: 1000, measured: 30 }],
    ['interval', { interval: 4 }],
  ])('refuses by %s', (path, change) => {
    expect(() => runOf(isingSpec, { ...BASE, ...change })).toThrow(
      expect.objectContaining({ path: `args.${path}` }) as Error,
    )
  })

  test('acceptance is the Boltzmann factor', () => {
    const { accept_three, accept_four } = runOf(isingSpec, BASE).plan.constants
    expect(accept_three / 2 ** 32).toBeCloseTo(Math.exp(-4 / 2.3), 9)
    expect(accept_four / 2 ** 32).toBeCloseTo(Math.exp(-8 / 2.3), 9)
  })
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const result = expectLaws(
      isingSpec,
      runOf(isingSpec, { ...BASE, size: 32, burn_in: 200, measured: 400, replicas: 24 }),
    )
    expect(result.replicas).toBe(24)
    expect(result.histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(result.measurements)
  })

  test.each([1.5, 2.269, 4])('a 4 x 4 lattice at %d has the means of all its states', (temperature) => {
    const run = runOf(isingSpec, {
      size: 4,
      temperature,
      start: 'random',
      burn_in: 100,
      measured: 200,
      interval: 4,
      replicas: 1200,
    })
    const result = resultOf(isingSpec, run)
    const exact = exactFourByFour(temperature)
    expect(Math.abs(result.magnetisation - exact.magnetisation)).toBeLessThan(4 * result.standard_error)
    expect(Math.abs(result.energy - exact.energy)).toBeLessThan(4 * result.energy_error)
    expect(Math.abs(result.susceptibility / exact.susceptibility - 1)).toBeLessThan(0.1)
    expect(Math.abs(result.heat_capacity / exact.heat_capacity - 1)).toBeLessThan(0.1)
  })

  test('a cold lattice has the magnetisation of the infinite one', () => {
    const run = runOf(isingSpec, {
      size: 32,
      temperature: 1.8,
      burn_in: 60,
      measured: 40,
      interval: 10,
      replicas: 24,
    })
    const result = resultOf(isingSpec, run)
    expect(Math.abs(result.magnetisation - result.infinite_magnetisation)).toBeLessThan(
      4 * result.standard_error + 1e-4,
    )
    // (1 - sinh(2 / 1.8)^-4)^(1/8)
    expect(result.infinite_magnetisation).toBeCloseTo((1 - Math.sinh(2 / 1.8) ** -4) ** (1 / 8), 14)
  })

  test('no order above the transition', () => {
    expect(spontaneousMagnetisation(2.27)).toBe(0)
    expect(spontaneousMagnetisation(2.269)).toBeGreaterThan(0.3)
    expect(spontaneousMagnetisation(0.2)).toBe(1)
  })
})

describe('checkLeaf', () => {
  const run = runOf(isingSpec, BASE)
  const good = referenceOf(isingSpec, run, 0)
  const at = (words: Uint32Array, i: number): number => words[i] as number
  test.each<[string, (words: Uint32Array) => void, string]>([
    ['a replica more', (w) => w.set([9]), 'replicas instead'],
    ['a measurement more', (w) => w.set([at(w, 1) + 1], 1), 'measurements instead'],
    ['a word that is not zero', (w) => w.set([1], 2), 'zero'],
    ['a bin more', (w) => w.set([at(w, 40) + 1], 40), 'in bins'],
    ['too many alike', (w) => w.set([1], 5), 'alike'],
    ['squares too small', (w) => w.fill(0, 8, 12), 'moments of alike'],
    ['too much magnetisation', (w) => w.set([1], 13), 'magnetisations'],
    ['no second moment', (w) => w.fill(0, 16, 20), 'second'],
    ['no fourth moment', (w) => w.fill(0, 20, 24), 'fourth'],
    ['no replica sums', (w) => w.fill(0, 24, 28), 'replicas out'],
  ])('names %s', (_, change, complaint) => {
    const words = bytesToWords(good)
    change(words)
    expect(isingSpec.checkLeaf(run.plan, 0, wordsToBytes(words))).toContain(complaint)
  })
})

testGolden(ising, import.meta.url)
