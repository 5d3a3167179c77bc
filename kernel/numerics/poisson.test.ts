import fc from 'fast-check'
import { expect, test } from 'vitest'
import { countBelow, poissonThresholds } from './poisson.ts'
import { anyWord, property } from './property.test-support.ts'

test('thresholds are the distribution function', () => {
  for (const mean of [0, 0.001, 0.7, 3, 20, 150]) {
    const thresholds = poissonThresholds(mean, 255)
    let term = Math.exp(-mean)
    let sum = 0
    thresholds.forEach((threshold, k) => {
      sum += term
      term *= mean / (k + 1)
      expect(Math.abs((threshold + 1) / 2 ** 32 - sum)).toBeLessThan(1e-9)
    })
    expect(thresholds.at(-1)).toBe(0xffffffff)
  }
})

test('countBelow counts', () => {
  property(
    'countBelow',
    [fc.array(anyWord, { maxLength: 40 }), anyWord],
    (words, word) => {
      const thresholds = words.sort((a, b) => a - b)
      expect(countBelow(thresholds, word)).toBe(thresholds.filter((t) => word > t).length)
    },
    2000,
  )
})
