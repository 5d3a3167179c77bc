import { describe, expect, test } from 'vitest'
import { normalQuantile } from './as241.test-support.ts'
import { NORMAL_MAX_Q24, normalQuantileQ24 } from './normal.ts'
import { TABLES } from './tables/index.ts'

const Q24 = 2 ** 24
const MAX_ERROR = 2e-6

/** |z| of the smaller tail of m. */
const exactMagnitude = (m: number): number => -normalQuantile((2 * m + 1) / 2 ** 33)

test('AS 241 itself: its published check value and known quantiles', () => {
  expect(normalQuantile(1e-20)).toBeCloseTo(-9.262340089798409, 13)
  expect(normalQuantile(0.25)).toBeCloseTo(-0.6744897501960817, 15)
  expect(normalQuantile(0.001)).toBeCloseTo(-3.090232306167814, 14)
})

describe('normalQuantileQ24', () => {
  test('every row and every x: no intermediate leaves u32, and |z| never rises with n', () => {
    const rows = TABLES['normal-quantile'].words
    let previous = NORMAL_MAX_Q24
    let worst = 0
    let rises = 0
    for (let row = 0; row < 512; row++) {
      const [c0, c1, c2] = rows.subarray(4 * row, 4 * row + 3) as unknown as [number, number, number]
      // c2 x rises with x and t falls with it: the ends bound both; the last sum is taken at every x.
      worst = Math.max(worst, c2 * 0xffff)
      if (c1 - Math.floor((c2 * 0xffff) / 65536) < 0) throw new Error(`t < 0 in row ${row}`)
      for (let x = 0; x < 65536; x++) {
        const t = c1 - Math.floor((c2 * x) / 65536)
        const sum = t * (x >> 8) + Math.floor((t * (x & 255)) / 256)
        if (sum > worst) worst = sum
        const z = c0 - Math.floor(sum / 256)
        if (z > previous || z < 0) rises++
        previous = z
      }
    }
    expect(worst).toBeLessThan(2 ** 32)
    expect(rises).toBe(0)
  })

  test('the whole tail m < 2^20 against AS 241', () => {
    let worst = 0
    for (let m = 0; m < 2 ** 20; m++) {
      worst = Math.max(worst, Math.abs(normalQuantileQ24(m) / Q24 - exactMagnitude(m)))
    }
    expect(worst).toBeLessThan(MAX_ERROR)
  })

  test('2^22 strata of all words: error, symmetry, moments', () => {
    const strata = 2 ** 22
    let worst = 0
    let mean = 0
    let second = 0
    let fourth = 0
    for (let i = 0; i < strata; i++) {
      const m = i * 512 + 293
      const z = normalQuantileQ24(m)
      if (normalQuantileQ24(m + 2 ** 31) !== -z) throw new Error(`not odd at ${m}`)
      const real = z / Q24
      const error = real - exactMagnitude(m)
      worst = Math.max(worst, Math.abs(error))
      mean += error
      second += real * real
      fourth += real ** 4
    }
    expect(worst).toBeLessThan(MAX_ERROR)
    expect(Math.abs(mean / strata)).toBeLessThan(1e-6)
    expect(second / strata).toBeCloseTo(1, 5)
    expect(fourth / strata).toBeCloseTo(3, 4)
  })

  test('both sides of every octave border against AS 241', () => {
    let worst = 0
    for (let bit = 20; bit <= 31; bit++) {
      for (let m = Math.max(0, 2 ** bit - 4096); m < Math.min(2 ** 31, 2 ** bit + 4096); m++) {
        worst = Math.max(worst, Math.abs(normalQuantileQ24(m) / Q24 - exactMagnitude(m)))
      }
    }
    expect(worst).toBeLessThan(MAX_ERROR)
  })

  test('its ends', () => {
    expect(normalQuantileQ24(0)).toBe(NORMAL_MAX_Q24)
    expect(normalQuantileQ24(0x80000000)).toBe(-NORMAL_MAX_Q24)
    expect(NORMAL_MAX_Q24 / Q24).toBeLessThan(6.3434)
    // The last x of the last row is one step short of the middle: 15 / 2^24 = 8.9e-7.
    expect(normalQuantileQ24(0x7fffffff)).toBe(15)
    expect(normalQuantileQ24(0xffffffff)).toBe(-15)
  })
})
