import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { integerSqrt } from '../../numerics/bigmath.ts'
import { anyWord, property } from '../../numerics/property.test-support.ts'
import { bytesToWords, wordsToBytes } from '../../numerics/words.ts'
import { SHARD_POINTS } from './args.ts'
import { piSpec } from './index.ts'
import { piOracle } from './oracle.test-support.ts'
import { insideCircle, piLeaf } from './reference.test-support.ts'

const LARGEST = 2 ** 46

function contextOf(points: number, key: readonly [number, number]) {
  const args = piSpec.args.parse({ points })
  return { args, plan: piSpec.plan(args, {}), key, inputRefs: {}, inputs: new Map<string, Uint8Array>() }
}

describe('plan', () => {
  test('shards of 2^22 points, the last one partial', () => {
    expect(contextOf(1, [0, 0]).plan).toMatchObject({ shard_count: 1, constants: { last_points: 1 } })
    expect(contextOf(SHARD_POINTS, [0, 0]).plan).toMatchObject({
      shard_count: 1,
      constants: { last_points: SHARD_POINTS },
    })
    expect(contextOf(SHARD_POINTS + 1, [0, 0]).plan).toMatchObject({
      shard_count: 2,
      constants: { last_points: 1 },
    })
    expect(contextOf(LARGEST, [0, 0]).plan).toMatchObject({
      shard_count: 2 ** 24,
      constants: { last_points: SHARD_POINTS },
    })
  })

  test.each([0, -1, 1.5, LARGEST + 1, '10'])('refuses %s points', (points) => {
    expect(piSpec.args.safeParse({ points }).success).toBe(false)
  })
})

describe('reference', () => {
  test('insideCircle is exact at the border', () => {
    property(
      'insideCircle',
      [anyWord, fc.integer({ min: -3, max: 3 })],
      (x, offset) => {
        const border = integerSqrt((1n << 64n) - BigInt(x) ** 2n) + BigInt(offset)
        const clamped = border < 0n ? 0n : border > 0xffffffffn ? 0xffffffffn : border
        const y = Number(clamped)
        const exact = BigInt(x) ** 2n + clamped ** 2n < 1n << 64n
        expect(insideCircle(x, y)).toBe(exact)
        expect(insideCircle(y, x)).toBe(exact)
      },
      20_000,
    )
    property(
      'insideCircle, anywhere',
      [anyWord, anyWord],
      (x, y) => {
        expect(insideCircle(x, y)).toBe(BigInt(x) ** 2n + BigInt(y) ** 2n < 1n << 64n)
      },
      20_000,
    )
  })

  test.each([
    ['one point', 1],
    ['an odd number of points', 4097],
    ['the partial second shard', SHARD_POINTS + 777],
    ['the last shard of the largest plan but one', LARGEST - SHARD_POINTS + 501],
  ])('agrees with the BigInt oracle: %s', (_, points) => {
    property(
      `pi, ${points} points`,
      [anyWord, anyWord],
      (k0, k1) => {
        const context = contextOf(points, [k0, k1])
        const shard = context.plan.shard_count - 1
        const leaf = bytesToWords(piLeaf(context, shard))
        expect([...leaf]).toEqual([...piOracle([k0, k1], BigInt(shard * SHARD_POINTS), BigInt(points)), 0, 0])
      },
      5,
    )
  })

  test('refuses a shard outside the plan', () => {
    expect(() => piLeaf(contextOf(10, [1, 2]), 1)).toThrow('a shard of the plan')
  })
})

describe('result', () => {
  const context = contextOf(3 * SHARD_POINTS + 99, [7, 8])
  const leaves = [0, 1, 2, 3].map((shard) => piLeaf(context, shard))
  const { args, plan } = context

  function foldOf(order: readonly number[]) {
    const aggregate = piSpec.fold.empty(plan, args)
    for (const shard of order) piSpec.fold.add(aggregate, shard, leaves[shard] as Uint8Array)
    return aggregate
  }

  test('leaves pass their check, and folds do not show the order', () => {
    leaves.forEach((leaf, shard) => {
      expect(piSpec.checkLeaf(plan, shard, leaf)).toBeUndefined()
    })
    expect(foldOf([3, 1, 0, 2])).toEqual(foldOf([0, 1, 2, 3]))
    const merged = foldOf([2, 0])
    piSpec.fold.merge?.(merged, foldOf([1, 3]))
    expect(merged).toEqual(foldOf([0, 1, 2, 3]))
  })

  test('a wrong leaf is named', () => {
    const wrong = (words: readonly number[]) =>
      piSpec.checkLeaf(plan, 0, wordsToBytes(Uint32Array.from(words)))
    expect(wrong([SHARD_POINTS - 1, 5, 0, 0])).toContain('points instead of')
    expect(wrong([SHARD_POINTS, SHARD_POINTS + 1, 0, 0])).toContain('inside')
    expect(wrong([SHARD_POINTS, 5, 1, 0])).toContain('zero')
    expect(wrong([SHARD_POINTS, 5, 0])).toContain('bytes')
    expect(piSpec.checkLeaf(plan, 3, leaves[0] as Uint8Array)).toContain('99')
  })

  test('estimates pi within four standard errors', () => {
    const { result } = piSpec.reduce(args, plan, foldOf([0, 1, 2, 3]), [
      { shards: 1, samples: 4194304, value: 3.14, standard_error: 0.001 },
    ])
    expect(piSpec.result.parse(result)).toEqual(result)
    expect(Math.abs(result.pi - Math.PI)).toBeLessThan(4 * result.standard_error)
    expect(result.standard_error).toBeCloseTo(Math.sqrt((Math.PI * (4 - Math.PI)) / args.points), 6)
    expect(result.interval_95.high - result.pi).toBeCloseTo(1.96 * result.standard_error, 6)
    const summary = piSpec.summarise(args, result)
    expect(summary.headline.value).toBe(result.pi)
    expect(summary.charts).toMatchObject([
      { kind: 'band', points: [{ x: 4194304 }], reference: { y: Math.PI } },
    ])
  })
})
