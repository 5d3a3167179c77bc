import { expect, test } from 'vitest'
import { log2Q26 } from './log2.test-support.ts'

/**
 * Words from 2^31 on, each LOG2_STRIDE-th; smaller words have the fractions of those. LOG2_STRIDE=1 takes all 2^31 of them, in a
 * few minutes: at most 0.5971 units of Q26, no fall.
 */
const STRIDE = Number(process.env.LOG2_STRIDE ?? 509)

test('log2Q26: error, monotone, powers of two', { timeout: 1_200_000 }, () => {
  let previous = 0
  let falls = 0
  let worst = 0
  for (let word = 2 ** 31; word < 2 ** 32; word += STRIDE) {
    const y = log2Q26(word)
    if (y < previous) falls++
    previous = y
    const error = Math.abs(y - 2 ** 26 * Math.log2(word))
    if (error > worst) worst = error
  }
  console.log(`log2Q26: at most ${worst.toFixed(4)} units of Q26 off, one in ${STRIDE} words`)
  expect(falls).toBe(0)
  expect(worst).toBeLessThan(0.598)
  for (let e = 0; e < 32; e++) {
    expect(log2Q26(2 ** e)).toBe(e * 2 ** 26)
    // The ends of rows and their neighbours, at every scale.
    for (let row = 0; row < 256; row++) {
      const word = Math.floor(2 ** e * (1 + row / 256))
      for (const near of [word - 1, word + 1].filter((one) => one > 0 && one < 2 ** 32))
        expect(Math.abs(log2Q26(near) - 2 ** 26 * Math.log2(near))).toBeLessThan(0.598)
    }
  }
  expect(log2Q26(0)).toBe(0)
})

test('against BigInt, so that no host function is trusted', () => {
  /** floor(2^60 log2(word)), by squaring: each square of a number in [1, 2) shows the next binary digit of its logarithm. */
  const exact = (word: number): bigint => {
    const e = 31 - Math.clz32(word)
    let x = BigInt(word) << BigInt(120 - e)
    let digits = BigInt(e)
    for (let i = 0; i < 60; i++) {
      x = (x * x) >> 120n
      const over = x >> 121n
      digits = 2n * digits + over
      if (over === 1n) x >>= 1n
    }
    return digits
  }
  expect(exact(2)).toBe(1n << 60n)
  expect(exact(2 ** 31)).toBe(31n << 60n)
  for (let i = 0; i < 2000; i++) {
    const word = (Math.imul(i + 1, 0x9e3779b1) >>> (i % 32)) | 1
    const difference = (BigInt(log2Q26(word >>> 0)) << 34n) - exact(word >>> 0)
    expect(Number(difference) / 2 ** 34).toBeLessThan(0.598)
    expect(Number(difference) / 2 ** 34).toBeGreaterThan(-0.598)
  }
})
