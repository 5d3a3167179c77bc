import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leapOracle } from './leap.test-support.ts'
import { poissonLeap } from './leap.ts'
import { philox4x32 } from './philox.ts'
import { anyWord, property } from './property.test-support.ts'

describe('poissonLeap', () => {
  test('agrees with the BigInt oracle', () => {
    const whole = fc.oneof(fc.integer({ min: 0, max: 13 }), fc.integer({ min: 0, max: 2 ** 24 - 1 }))
    property(
      'poissonLeap',
      [whole, anyWord, anyWord],
      (mean, fraction, word) => {
        expect(poissonLeap(mean, fraction, word)).toBe(
          Number(leapOracle(BigInt(mean), BigInt(fraction), BigInt(word))),
        )
      },
      5000,
    )
  })

  test.each([0.003, 0.7, 5.25, 11.9, 12, 40.5, 3000.25])('has mean and variance %d', (mean) => {
    const whole = Math.floor(mean)
    const fraction = Math.round((mean - whole) * 2 ** 32)
    const words = new Uint32Array(4)
    const n = 200_000
    let sum = 0
    let squares = 0
    for (let i = 0; i < n; i++) {
      if (i % 4 === 0) philox4x32(words, i >> 2, 0, 0, 9, 1, 2)
      const draw = poissonLeap(whole, fraction, words[i % 4] as number)
      sum += draw
      squares += (draw - mean) ** 2
    }
    expect(Math.abs(sum / n - mean)).toBeLessThan(4 * Math.sqrt(mean / n) + 1e-6)
    // The variance of the squared deviation is mean + 2 mean^2; the rounding of the normal adds 1/12.
    const variance = squares / n - (mean >= 12 ? 1 / 12 : 0)
    expect(Math.abs(variance - mean)).toBeLessThan(4 * Math.sqrt((mean + 2 * mean * mean) / n) + 1e-6)
  })

  test('no draw of a tiny mean is far off', () => {
    // The last words of the uniform: what truncation leaves of the distribution.
    for (const fraction of [1, 1000, 2 ** 20, 2 ** 28])
      expect(poissonLeap(0, fraction, 0xffffffff)).toBeLessThan(9)
  })
})
