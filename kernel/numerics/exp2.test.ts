import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { integerSqrt } from './bigmath.ts'
import { exp2Q30, exp2Word } from './exp2.ts'
import { anyWord, property } from './property.test-support.ts'
import { exp2Oracle } from './rows.test-support.ts'
import { TABLES } from './tables/index.ts'

/** 2^(f / 2^24) in Q80 by 24 square roots of 2: 2^(1/2), 2^(1/4), ... multiplied where f has the bit. */
const ROOTS: readonly bigint[] = (() => {
  const roots: bigint[] = []
  let root = 2n << 80n
  for (let i = 0; i < 24; i++) {
    root = integerSqrt(root << 80n)
    roots.push(root)
  }
  return roots
})()

function exactQ80(f: number): bigint {
  let value = 1n << 80n
  for (let i = 0; i < 24; i++) if ((f >>> (23 - i)) & 1) value = (value * (ROOTS[i] as bigint)) >> 80n
  return value
}

describe('exp2Q30', () => {
  test('every fraction: range, monotone, relative error, intermediates below 2^32', () => {
    const rows = TABLES.exp2.words
    let previous = 0
    let falls = 0
    let low = 0
    let high = 0
    let sum = 0
    let widest = 0
    for (let f = 0; f < 2 ** 24; f++) {
      const y = exp2Q30(f)
      if (y < previous) falls++
      previous = y
      const error = y / (2 ** 30 * 2 ** (f / 2 ** 24)) - 1
      if (error < low) low = error
      if (error > high) high = error
      sum += error
      if ((f & 0xffff) === 0xffff) {
        // c2 x and t rise with x: the end of a row bounds it.
        const row = (f >>> 16) * 4
        const t = (rows[row + 1] as number) + Math.floor(((rows[row + 2] as number) * 0xffff) / 65536)
        widest = Math.max(widest, (rows[row + 2] as number) * 0xffff, t * 256, t * 255 + (t * 255) / 256)
      }
    }
    expect(exp2Q30(0)).toBe(2 ** 30)
    expect(previous).toBeLessThan(2 ** 31)
    expect(falls).toBe(0)
    expect(widest).toBeLessThan(2 ** 32)
    expect(Math.max(-low, high)).toBeLessThan(2.0e-9)
    expect(Math.abs(sum / 2 ** 24)).toBeLessThan(2e-11)
  })

  test('against BigInt, so that no host function is trusted', () => {
    let worst = 0n
    for (let f = 0; f < 2 ** 24; f += 4099) {
      const exact = exactQ80(f)
      const got = BigInt(exp2Q30(f)) << 50n
      // In units of 1e-12, relative.
      const error = ((got > exact ? got - exact : exact - got) * 1_000_000_000_000n) / exact
      if (error > worst) worst = error
    }
    expect(Number(worst)).toBeLessThan(2000)
    expect(Number(worst)).toBeGreaterThan(100)
  })
})

test('exp2Word: the rounded power at every scale, saturation and nothing below', () => {
  property(
    'exp2Word',
    [fc.oneof(anyWord, fc.integer({ min: -(40 << 24), max: 40 << 24 })), fc.integer({ min: 0, max: 30 })],
    (word, top) => {
      const x = word | 0
      expect(exp2Word(x, top)).toBe(Number(exp2Oracle(BigInt(x), BigInt(top))))
    },
    5000,
  )
  expect(exp2Word(0, 30)).toBe(1)
  expect(exp2Word(31 << 24, 30)).toBe(0x7fffffff)
})
