import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { testGolden } from '../golden.test-support.ts'
import { expectLaws, resultOf, runOf } from '../laws.test-support.ts'
import { referenceOf } from '../references.test-support.ts'
import { lorenz, lorenzSpec } from './index.ts'
import { doubleTrajectory, oracleLeaf } from './oracle.test-support.ts'

const BASE = { steps: 50, runs: 100 }

const anyArgs = fc.record({
  sigma: fc.double({ min: 0.1, max: 20, noNaN: true }),
  rho: fc.double({ min: 0, max: 35, noNaN: true }),
  beta: fc.double({ min: 0.1, max: 5, noNaN: true }),
  x: fc.double({ min: -30, max: 30, noNaN: true }),
  y: fc.double({ min: -30, max: 30, noNaN: true }),
  z: fc.double({ min: -30, max: 50, noNaN: true }),
  initial_error: fc.double({ min: 0.000001, max: 1, noNaN: true }),
  time_step: fc.double({ min: 0.0005, max: 0.02, noNaN: true }),
  steps: fc.integer({ min: 24, max: 200 }),
  coordinate: fc.constantFrom('x', 'y', 'z'),
  runs: fc.constant(100),
})

function agrees(args: object, key: readonly [number, number], runs: number): number {
  const run = runOf(lorenzSpec, args as never, key)
  const constants = { ...run.plan.constants, last_paths: runs }
  const plan = { ...run.plan, shard_count: 1, constants }
  const leaf = referenceOf(lorenzSpec, { ...run, plan }, 0)
  expect([...bytesToWords(leaf)]).toEqual(oracleLeaf(run.args, constants, key, 0, runs))
  expect(lorenzSpec.checkLeaf(plan, 0, leaf)).toBeUndefined()
  return bytesToWords(leaf)[1] as number
}

describe('the leaf agrees with the BigInt oracle', () => {
  test.each([
    ['the classical system', { steps: 1000 }],
    ['y, steps that no multiple of 24 divides', { coordinate: 'y', steps: 29 }],
    ['z, a large error', { coordinate: 'z', initial_error: 1 }],
    ['no convection', { rho: 0, sigma: 0.1 }],
  ])('%s', (_, change) => {
    expect(agrees({ ...BASE, ...change }, [5, 6], 3)).toBe(0)
  })

  test('where states reach the end of their format', () => {
    const violent = { ...BASE, x: 30, y: 30, z: -30, rho: 35, sigma: 20, time_step: 0.02, steps: 200 }
    expect(agrees(violent, [1, 2], 3)).toBeGreaterThan(0)
  })

  test('whatever the arguments and the key', () => {
    property(
      'lorenz leaf',
      [anyArgs, anyWord, anyWord],
      (args, k0, k1) => {
        agrees(args, [k0, k1], 1)
      },
      60,
    )
  })

  test('the last shard of many is its own runs', () => {
    const run = runOf(lorenzSpec, { ...BASE, runs: 2 ** 26 - 2 ** 15 + 3 })
    const { plan, args, key } = run
    const last = plan.shard_count - 1
    expect(plan.constants.last_paths).toBe(3)
    expect([...bytesToWords(referenceOf(lorenzSpec, run, last))]).toEqual(
      oracleLeaf(args, plan.constants, key, last * 2 ** plan.constants.log2_shard_paths, 3),
    )
  })
})

describe('result', () => {
  test('obeys the laws of every op', () => {
    const result = expectLaws(lorenzSpec, runOf(lorenzSpec, { steps: 4096, runs: 130 }))
    expect(result.runs).toBe(130)
    expect(result.saturations).toBe(0)
  })

  test('follows the equations in doubles while they can be followed', () => {
    const run = runOf(lorenzSpec, { steps: 300, initial_error: 0.000001, runs: 100 })
    const result = resultOf(lorenzSpec, run)
    const exact = doubleTrajectory(run.args)
    // Roundings of 2^-23 a step, which the flow stretches by about e^(0.9 * 3).
    for (const name of ['x', 'y', 'z'] as const)
      expect(Math.abs(result.last[name] - exact[name])).toBeLessThan(2e-4)
    expect(result.mean).toBe(result.last.x)
    expect(result.spread).toBeLessThan(1e-3)
    expect(result.horizon).toBeNull()
  })

  test('the ensemble spreads over the attractor: symmetric x, and the mean z of long runs', () => {
    const run = runOf(lorenzSpec, { steps: 4000, initial_error: 0.01, coordinate: 'z', runs: 300 })
    const result = resultOf(lorenzSpec, run)
    // Time averages of the classical attractor: z 23.55 with a standard deviation of 8.6, x 0 with 7.9.
    expect(Math.abs(result.last.z - 23.55)).toBeLessThan((4 * 8.6) / Math.sqrt(300))
    expect(Math.abs(result.last.x)).toBeLessThan((4 * 7.9) / Math.sqrt(300))
    expect(result.spread / 8.6).toBeGreaterThan(0.8)
    expect(result.spread / 8.6).toBeLessThan(1.2)
    expect(result.horizon).toBeGreaterThan(3)
    expect(result.horizon).toBeLessThan(25)
    for (const { percent_5, median, percent_95 } of result.course)
      expect(percent_5 <= median && median <= percent_95).toBe(true)
  })

  test('below the onset of convection everything comes to rest', () => {
    const result = resultOf(
      lorenzSpec,
      runOf(lorenzSpec, { rho: 0.5, time_step: 0.02, steps: 2000, runs: 100 }),
    )
    for (const name of ['x', 'y', 'z'] as const) expect(Math.abs(result.last[name])).toBeLessThan(1e-5)
  })
})

describe('checkLeaf', () => {
  const run = runOf(lorenzSpec, BASE)
  const good = referenceOf(lorenzSpec, run, 0)
  test.each<[string, (words: Uint32Array) => void, string]>([
    ['a run more', (w) => w.set([101]), 'runs instead'],
    ['too many saturations', (w) => w.set([1], 2), 'saturations'],
    ['a word that is not zero', (w) => w.set([1], 12), 'zero'],
    ['a last state out of range', (w) => w.set([0x7fffffff], 5), 'last state'],
    ['a sum off its bins', (w) => w.set([0], 17), 'sum at time 0'],
  ])('names %s', (_, change, complaint) => {
    const words = bytesToWords(good)
    change(words)
    expect(lorenzSpec.checkLeaf(run.plan, 0, wordsToBytes(words))).toContain(complaint)
  })
})

testGolden(lorenz, import.meta.url)
