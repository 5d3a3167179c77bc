import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../digest.ts'
import { property } from '../../numerics/property.test-support.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import golden from './golden.json' with { type: 'json' }
import { filter } from './index.ts'
import { edge, gaussianTaps, type Image, pixel, resampledSum, triangleTaps } from './oracle.test-support.ts'
import { filterResult } from './result.ts'
import { gaussian, linearEntry, linearTaps } from './weights.ts'

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(filter, known))

function picture(rows: number, columns: number, bytes = mixedBytes(4 * rows * columns, rows)): Image {
  return { rows, columns, bytes }
}

type Args = Parameters<typeof jobOf>[1]

function prepared({ rows, columns, bytes }: Image, args: Args) {
  return jobOf(filter, args, { image: { dtype: 'uint8', shape: [rows, columns, 4], bytes } })
}

function filtered(image: Image, args: Args): Uint8Array {
  const outcome = outcomeOf(prepared(image, args))
  const bytes = outcome.artifacts[0]?.bytes as Uint8Array
  expect(filterResult.parse(outcome.result).image).toBe(sha256Hex(bytes))
  return bytes
}

/** Every byte of a result by a function of row, column and channel. */
function bytesBy(
  rows: number,
  columns: number,
  at: (row: number, column: number, channel: number) => number,
) {
  return Uint8Array.from({ length: 4 * rows * columns }, (_, i) =>
    at(Math.floor(i / 4 / columns), Math.floor(i / 4) % columns, i % 4),
  )
}

const side = fc.integer({ min: 1, max: 24 })

describe('equals its formula', () => {
  test('resize, any size to any other', () => {
    property(
      'resize',
      [side, side, side, side],
      (rows, columns, height, width) => {
        const image = picture(rows, columns)
        const [x, y] = [triangleTaps(columns, width), triangleTaps(rows, height)]
        expect(filtered(image, { filter: 'resize', width, height })).toEqual(
          bytesBy(height, width, (row, column, channel) =>
            Number((resampledSum(image, x(column), y(row), channel) + (1n << 22n)) >> 23n),
          ),
        )
      },
      60,
    )
  })

  test('blur and sharpen', () => {
    property(
      'blur and sharpen',
      [side, side, fc.constantFrom(0.3, 0.5, 1, 1.7, 3, 6.2), fc.constantFrom(0, 0.25, 1, 5, 16)],
      (rows, columns, sigma, amount) => {
        const image = picture(rows, columns)
        const taps = gaussianTaps(sigma)
        const sum = (row: number, column: number, channel: number) =>
          resampledSum(image, taps(column), taps(row), channel)
        expect(filtered(image, { filter: 'blur', sigma })).toEqual(
          bytesBy(rows, columns, (...at) => Number((sum(...at) + (1n << 22n)) >> 23n)),
        )
        const amount8 = BigInt(Math.round(amount * 256))
        expect(filtered(image, { filter: 'sharpen', sigma, amount })).toEqual(
          bytesBy(rows, columns, (row, column, channel) => {
            const from = pixel(image, row, column, channel)
            if (channel === 3) return Number(from)
            const detail = 256n * from - ((sum(row, column, channel) + 0x4000n) >> 15n)
            const value = (65_536n * from + detail * amount8 + 32_768n) >> 16n
            return Number(value < 0n ? 0n : value > 255n ? 255n : value)
          }),
        )
      },
      30,
    )
  })

  test('edges', () => {
    property(
      'edges',
      [side, side],
      (rows, columns) => {
        const image = picture(rows, columns)
        expect(filtered(image, { filter: 'edge' })).toEqual(
          bytesBy(rows, columns, (row, column, channel) =>
            channel === 3 ? Number(pixel(image, row, column, 3)) : edge(image, row, column, channel),
          ),
        )
      },
      40,
    )
  })
})

describe('what a user relies on', () => {
  test('a single colour stays as it is', () => {
    const colour = Uint8Array.from({ length: 4 * 19 * 33 }, (_, i) => [255, 0, 131, 255][i % 4] as number)
    const image = picture(19, 33, colour)
    for (const args of [
      { filter: 'blur', sigma: 11.3 },
      { filter: 'sharpen', amount: 9 },
    ])
      expect(filtered(image, args)).toEqual(colour)
    const larger = filtered(image, { filter: 'resize', width: 200, height: 7 })
    expect([...new Set(larger.filter((_, i) => i % 4 === 2))]).toEqual([131])
    expect(
      filtered(image, { filter: 'edge' })
        .filter((_, i) => i % 4 !== 3)
        .every((byte) => byte === 0),
    ).toBe(true)
  })

  test('resizing to the same size changes nothing', () => {
    const image = picture(30, 41)
    expect(filtered(image, { filter: 'resize', width: 41, height: 30 })).toEqual(image.bytes)
  })

  test('halving averages, doubling interpolates', () => {
    const grey = (values: number[]) => Uint8Array.from(values.flatMap((value) => [value, value, value, 255]))
    const red = (bytes: Uint8Array) => [...bytes].filter((_, i) => i % 4 === 0)
    const ramp = picture(1, 8, grey([0, 20, 40, 60, 80, 100, 120, 140]))
    // Triangle of two pixels either way: weights 1 3 3 1 of 8; borders repeat.
    expect(red(filtered(ramp, { filter: 'resize', width: 4, height: 1 }))).toEqual([13, 50, 90, 128])
    const step = picture(1, 2, grey([0, 200]))
    expect(red(filtered(step, { filter: 'resize', width: 4, height: 1 }))).toEqual([0, 50, 150, 200])
  })

  test('blurring an impulse shows the bell, symmetric and of the same sum', () => {
    const bytes = new Uint8Array(4 * 41 * 41)
    bytes.fill(255, 4 * (20 * 41 + 20), 4 * (20 * 41 + 20) + 4)
    const out = filtered(picture(41, 41, bytes), { filter: 'blur', sigma: 2 })
    const at = (row: number, column: number) => out[4 * (row * 41 + column)] as number
    expect(at(20, 20)).toBe(Math.round(255 / (2 * Math.PI * 4)))
    for (let d = 0; d < 8; d++) {
      expect(at(20 + d, 20)).toBe(at(20 - d, 20))
      expect(at(20, 20 + d)).toBe(at(20 + d, 20))
    }
  })
})

describe('weights', () => {
  test('add up to 2^15, and rise towards the middle', () => {
    for (const sigma of [0.3, 0.5, 1, 2.5, 10, 32]) {
      const half = gaussian(sigma)
      expect(half.reduce((sum, weight, i) => sum + (i === 0 ? 1 : 2) * weight, 0)).toBe(32_768)
      half.forEach((weight, i) => {
        if (i > 0) expect(weight).toBeLessThanOrEqual(half[i - 1] as number)
      })
      const exact = half.map((_, i) => Math.exp((-i * i) / (2 * sigma * sigma)))
      const total = exact.reduce((sum, weight, i) => sum + (i === 0 ? 1 : 2) * weight, 0)
      half.forEach((weight, i) => {
        expect(Math.abs(weight - (32_768 * (exact[i] as number)) / total)).toBeLessThan(
          i === 0 ? half.length : 0.51,
        )
      })
    }
    property(
      'linear weights',
      [fc.integer({ min: 1, max: 8192 }), fc.integer({ min: 1, max: 8192 }), fc.nat()],
      (from, to, at) => {
        fc.pre(from <= 64 * to)
        const { first, weights } = linearEntry(from, to, at % to)
        expect(weights).toHaveLength(linearTaps(from, to))
        expect(weights.length).toBeLessThanOrEqual(193)
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBe(32_768)
        expect(weights.every((weight) => weight >= 0)).toBe(true)
        expect(first).toBeLessThan(from)
        expect(first + weights.length).toBeGreaterThan(0)
      },
      2000,
    )
  })
})

describe('plan', () => {
  const planOf = (rows: number, columns: number, args: Args) => {
    const { contract } = prepared(picture(1, 1), { filter: 'edge' }).job
    const image = { digest: '0'.repeat(64), dtype: 'uint8' as const, shape: [rows, columns, 4] }
    return filter.prepare({ ...contract, args, inputs: { image } }).plan
  }

  test('tiles carry their halo', () => {
    expect(planOf(1080, 1920, { filter: 'blur', sigma: 3 })).toMatchObject({
      constants: { tile_columns: 128, x_taps: 19, y_taps: 19 },
    })
    for (const [rows, columns, args] of [
      [1080, 1920, { filter: 'blur', sigma: 3 }],
      [4096, 4096, { filter: 'blur', sigma: 32 }],
      [4096, 2048, { filter: 'resize', width: 64, height: 64 }],
      [64, 64, { filter: 'resize', width: 4096, height: 4096 }],
      [4096, 4096, { filter: 'edge' }],
    ] as const) {
      const { constants, leaf } = planOf(rows, columns, args)
      expect(Number(constants.span_rows) * Number(constants.tile_columns) * 8).toBeLessThanOrEqual(2 ** 20)
      expect(leaf.max_bytes).toBeLessThanOrEqual(2 ** 18)
    }
  })

  test.each<[string, number, number, Args, string]>([
    [
      'a shrink beyond reach',
      100,
      8000,
      { filter: 'resize', width: 100, height: 100 },
      'more than 64 to one',
    ],
    ['a side beyond the limit', 8193, 4, { filter: 'edge' }, 'shape [8193, 4, 4]'],
    ['a result over the limit', 200, 200, { filter: 'resize', width: 8192, height: 8192 }, 'exceeds 64 MiB'],
    ['a sigma beyond reach', 20, 20, { filter: 'blur', sigma: 33 }, 'args.sigma'],
    ['no filter', 20, 20, {}, 'args.filter'],
  ])('%s is refused', (_, rows, columns, args, message) => {
    expect(() => planOf(rows, columns, args)).toThrow(message)
  })

  test('what is no RGBA picture is refused', () => {
    const image = { dtype: 'uint8' as const, shape: [2, 2, 3], bytes: new Uint8Array(12) }
    expect(() => jobOf(filter, { filter: 'edge' }, { image })).toThrow('shape [2, 2, 3]')
  })
})

test('tiles fold in any order, and do not show in the picture', () => {
  const image = picture(300, 150)
  const job = prepared(image, { filter: 'blur', sigma: 4 })
  expect(job.job.plan.shard_count).toBeGreaterThan(3)
  const outcome = outcomeOf(job)
  expect(outcomeOf(job, true)).toEqual(outcome)
  // The same pixels, blurred in a picture of one tile.
  const part = {
    rows: 60,
    columns: 100,
    bytes: bytesBy(60, 100, (r, c, k) => Number(pixel(image, 100 + r, 40 + c, k))),
  }
  const small = filtered(part, { filter: 'blur', sigma: 4 })
  for (const [row, column] of [
    [13, 13],
    [30, 87],
    [46, 50],
  ] as const) {
    for (let channel = 0; channel < 4; channel++)
      expect(small[4 * (row * 100 + column) + channel]).toBe(
        outcome.artifacts[0]?.bytes[4 * ((100 + row) * 150 + 40 + column) + channel],
      )
  }
})

test('a leaf of another length is named; the summary shows the picture', () => {
  const { job, inputs } = prepared(picture(5, 3), { filter: 'edge' })
  expect(job.checkLeaf(0, referenceLeaf(job, 0, inputs).subarray(4))).toContain('56 bytes')
  const summary = job.summarise(outcomeOf({ job, inputs }).result)
  expect(summary.charts).toMatchObject([{ kind: 'image', width: 3, height: 5 }])
})
