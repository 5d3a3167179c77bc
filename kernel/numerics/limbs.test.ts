import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { add64, add96, add128, bigIntToLimbs, limbsToBigInt, limbsToSignedBigInt } from './limbs.ts'
import { anyWord, property } from './property.test-support.ts'

const sides = 2 // untouched words on either side

describe.each([2, 3, 4])('%i limbs', (limbs) => {
  const numbers = fc.array(fc.tuple(anyWord, anyWord, anyWord, anyWord), { minLength: 1, maxLength: 20 })

  function add(words: Uint32Array, value: readonly number[]): void {
    const [w0, w1, w2, w3] = value as [number, number, number, number]
    if (limbs === 2) add64(words, sides, w0, w1)
    else if (limbs === 3) add96(words, sides, w0, w1, w2)
    else add128(words, sides, w0, w1, w2, w3)
  }

  test('sums agree with BigInt modulo 2^(32 limbs) and touch nothing else', () => {
    property(`add of ${limbs} limbs`, [numbers], (values) => {
      const words = new Uint32Array(limbs + 2 * sides).fill(0xdeadbeef)
      words.fill(0, sides, sides + limbs)
      let total = 0n
      for (const value of values) {
        add(words, value)
        for (let i = 0; i < limbs; i++) total += BigInt(value[i] as number) << BigInt(32 * i)
      }
      expect(limbsToBigInt(words, sides, limbs)).toBe(BigInt.asUintN(32 * limbs, total))
      expect(limbsToSignedBigInt(words, sides, limbs)).toBe(BigInt.asIntN(32 * limbs, total))
      const outside = [...words.subarray(0, sides), ...words.subarray(sides + limbs)]
      expect(outside).toEqual(new Array(2 * sides).fill(0xdeadbeef))
    })
  })

  test('a carry runs through every limb', () => {
    const words = new Uint32Array(limbs + 2 * sides)
    words.fill(0xffffffff, sides, sides + limbs)
    add(words, [1, 0, 0, 0])
    expect(limbsToBigInt(words, sides, limbs)).toBe(0n)
    expect(words[sides + limbs]).toBe(0)
  })

  test('to limbs and back; what does not fit is refused', () => {
    const bits = BigInt(32 * limbs)
    property(
      `round trip of ${limbs} limbs`,
      [fc.bigInt({ min: -(1n << (bits - 1n)), max: (1n << bits) - 1n })],
      (value) => {
        const words = new Uint32Array(limbs)
        bigIntToLimbs(value, words, 0, limbs)
        const back = value < 0n ? limbsToSignedBigInt(words, 0, limbs) : limbsToBigInt(words, 0, limbs)
        expect(back).toBe(value)
      },
    )
    expect(() => bigIntToLimbs(1n << bits, new Uint32Array(limbs), 0, limbs)).toThrow(RangeError)
    expect(() => bigIntToLimbs(-(1n << (bits - 1n)) - 1n, new Uint32Array(limbs), 0, limbs)).toThrow(
      RangeError,
    )
  })
})
