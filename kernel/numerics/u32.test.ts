import { expect, test } from 'vitest'
import { anyWord, property } from './property.test-support.ts'
import { divideWide, mulHi, mulHiLo, mulHiRound } from './u32.ts'

test('the products agree with BigInt', () => {
  const out = new Uint32Array(2)
  property(
    'products',
    [anyWord, anyWord],
    (a, b) => {
      const product = BigInt(a) * BigInt(b)
      expect(mulHi(a, b)).toBe(Number(product >> 32n))
      expect(mulHi(a | 0, b | 0)).toBe(Number(product >> 32n))
      mulHiLo(out, a, b)
      expect([...out]).toEqual([Number(product & 0xffffffffn), Number(product >> 32n)])
      expect(mulHiRound(a, b)).toBe(Number((product + (1n << 31n)) >> 32n))
    },
    20_000,
  )
})

test('divideWide is the floor of the quotient', () => {
  property(
    'divideWide',
    [anyWord, anyWord, anyWord],
    (a, low, b) => {
      const [high, divisor] = a < b ? [a, b] : [b, Math.max(a, 1)]
      if (high === divisor) return
      const exact = ((BigInt(high) << 32n) + BigInt(low)) / BigInt(divisor)
      expect(divideWide(high, low, divisor)).toBe(Number(exact))
    },
    20_000,
  )
})
