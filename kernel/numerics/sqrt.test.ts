import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { integerSqrt } from './bigmath.ts'
import { anyWord, property } from './property.test-support.ts'
import { sqrtSteps } from './sqrt.test-support.ts'
import { sqrtQ30 } from './sqrt.ts'

/** Words whose root lies next to an integer: k^2 / 2^30 and its neighbours. */
const nearSquares = fc
  .tuple(fc.integer({ min: 0, max: 0x7fffffff }), fc.integer({ min: -1, max: 1 }))
  .map(([k, offset]) => {
    const v = Number((BigInt(k) * BigInt(k)) >> 30n) + offset
    return Math.min(Math.max(v, 0), 0xffffffff)
  })

describe('sqrtQ30', () => {
  test('is the floor of the root', () => {
    property(
      'sqrtQ30',
      [fc.oneof(anyWord, nearSquares)],
      (v) => expect(sqrtQ30(v)).toBe(Number(integerSqrt(BigInt(v) << 30n))),
      20_000,
    )
    expect([0, 1, 2 ** 30, 0xffffffff].map(sqrtQ30)).toEqual([0, 2 ** 15, 2 ** 30, 2 ** 31 - 1])
  })

  test("the shader's integer steps give the same, in words of 32 bits", () => {
    property(
      'sqrt.wgsl',
      [fc.oneof(anyWord, nearSquares)],
      (word) => {
        // The shader gives 0 for 0 whatever its steps.
        const v = BigInt(Math.max(word, 1))
        const steps = sqrtSteps(v)
        expect(steps.root).toBe(integerSqrt(v << 30n))
        expect(steps.unsigned < 1n << 32n).toBe(true)
        expect(steps.signed < 1n << 31n).toBe(true)
        expect(steps.reciprocal <= 1n << 15n).toBe(true)
      },
      20_000,
    )
  })

  test('the steps hold for every leading half of a word', () => {
    for (let top = 0x4000n; top < 0x10000n; top++) {
      for (const low of [0n, 0x5555n, 0xffffn]) {
        const v = (top << 16n) | low
        const steps = sqrtSteps(v)
        if (steps.root !== integerSqrt(v << 30n)) throw new Error(`the root of ${v}`)
        if (steps.unsigned >= 1n << 32n || steps.signed >= 1n << 31n || steps.reciprocal > 1n << 15n)
          throw new Error(`a word overflows at ${v}`)
      }
    }
  })
})
