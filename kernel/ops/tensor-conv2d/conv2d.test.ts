import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sha256Hex } from '../../digest.ts'
import { property } from '../../numerics/property.test-support.ts'
import { checkGolden, type Golden, jobOf, mixedBytes, outcomeOf } from '../operand-golden.test-support.ts'
import { referenceLeaf } from '../references.test-support.ts'
import golden from './golden.json' with { type: 'json' }
import { conv2d } from './index.ts'
import { conv2dResult } from './result.ts'

type Shape = readonly [number, number, number, number]
interface Args {
  readonly [name: string]: number
  readonly stride: number
  readonly padding: number
  readonly dilation: number
}

test.each(golden.contracts as unknown as Golden[])('$name', (known) => checkGolden(conv2d, known))

const count = (shape: Shape) => shape.reduce((product, side) => product * side, 1)

function operands(x: Shape, w: Shape, fill?: number) {
  const bytes = (shape: Shape, salt: number) =>
    fill === undefined ? mixedBytes(count(shape), salt) : new Uint8Array(count(shape)).fill(fill)
  return {
    x: { dtype: 'int8' as const, shape: x, bytes: bytes(x, 21) },
    w: { dtype: 'int8' as const, shape: w, bytes: bytes(w, 22) },
  }
}

/** The definition over an image that is really padded with zeros, in BigInt. */
function naive(
  xBytes: Uint8Array,
  x: Shape,
  wBytes: Uint8Array,
  w: Shape,
  { stride, padding, dilation }: Args,
) {
  const signed = (byte: number | undefined) => BigInt.asIntN(8, BigInt(byte ?? 0))
  const [rows, columns] = [x[2] + 2 * padding, x[3] + 2 * padding]
  const padded = new Map<string, bigint>()
  xBytes.forEach((byte, i) => {
    const column = (i % x[3]) + padding
    const row = (Math.floor(i / x[3]) % x[2]) + padding
    padded.set(`${Math.floor(i / x[3] / x[2])} ${row} ${column}`, signed(byte))
  })
  const y: bigint[] = []
  for (let image = 0; image < x[0]; image++) {
    for (let out = 0; out < w[0]; out++) {
      for (let top = 0; top + dilation * (w[2] - 1) < rows; top += stride) {
        for (let left = 0; left + dilation * (w[3] - 1) < columns; left += stride) {
          let sum = 0n
          for (let tap = 0; tap < w[1] * w[2] * w[3]; tap++) {
            const [channel, i, j] = [Math.floor(tap / w[2] / w[3]), Math.floor(tap / w[3]) % w[2], tap % w[3]]
            const pixel = padded.get(`${image * x[1] + channel} ${top + dilation * i} ${left + dilation * j}`)
            sum += (pixel ?? 0n) * signed(wBytes[out * w[1] * w[2] * w[3] + tap])
          }
          y.push(sum)
        }
      }
    }
  }
  return y
}

function yOf(bytes: Uint8Array): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 4 }, (_, i) => BigInt(view.getInt32(4 * i, true)))
}

test('equals the definition for any shapes, strides, padding and dilation', () => {
  const small = fc.integer({ min: 1, max: 5 })
  property(
    'conv2d against the definition',
    [
      fc.tuple(
        fc.integer({ min: 1, max: 3 }),
        small,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
      ),
      fc.tuple(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
      ),
      fc.record({
        stride: fc.integer({ min: 1, max: 3 }),
        padding: fc.integer({ min: 0, max: 3 }),
        dilation: fc.integer({ min: 1, max: 3 }),
      }),
      fc.constantFrom(undefined, undefined, 0x80, 0x7f),
    ],
    (x, [out, kernelRows, kernelColumns], args, fill) => {
      const w: Shape = [out, x[1], kernelRows, kernelColumns]
      fc.pre(x[2] + 2 * args.padding > args.dilation * (kernelRows - 1))
      fc.pre(x[3] + 2 * args.padding > args.dilation * (kernelColumns - 1))
      const given = operands(x, w, fill)
      const outcome = outcomeOf(jobOf(conv2d, args, given))
      const bytes = outcome.artifacts[0]?.bytes as Uint8Array
      const y = naive(given.x.bytes, x, given.w.bytes, w, args)
      expect(yOf(bytes)).toEqual(y)
      const result = conv2dResult.parse(outcome.result)
      expect(count(result.shape)).toBe(y.length)
      expect(result.digest).toBe(sha256Hex(bytes))
      expect(result.sum).toBe(y.reduce((sum, value) => sum + value, 0n).toString())
    },
    120,
  )
})

test('a kernel of one tap scales; one of ones adds up', () => {
  const image = {
    dtype: 'int8' as const,
    shape: [1, 1, 3, 3],
    bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9),
  }
  const run = (shape: readonly number[], bytes: Uint8Array, args = {}) =>
    yOf(
      outcomeOf(jobOf(conv2d, args, { x: image, w: { dtype: 'int8', shape, bytes } })).artifacts[0]
        ?.bytes as Uint8Array,
    )
  expect(run([1, 1, 1, 1], Uint8Array.of(256 - 2))).toEqual([
    -2n,
    -4n,
    -6n,
    -8n,
    -10n,
    -12n,
    -14n,
    -16n,
    -18n,
  ])
  expect(run([1, 1, 3, 3], new Uint8Array(9).fill(1))).toEqual([45n])
  expect(run([1, 1, 3, 3], new Uint8Array(9).fill(1), { padding: 1, stride: 2 })).toEqual([
    12n,
    16n,
    24n,
    28n,
  ])
})

describe('plan', () => {
  const planOf = (x: Shape, w: Shape, args = {}) => {
    const { contract } = jobOf(conv2d, args, operands([1, 1, 1, 1], [1, 1, 1, 1])).job
    const digest = '0'.repeat(64)
    return conv2d.prepare({
      ...contract,
      inputs: { x: { digest, dtype: 'int8', shape: [...x] }, w: { digest, dtype: 'int8', shape: [...w] } },
    }).plan
  }

  test('shards of about 2^25 multiply-adds and at most 2^14 items', () => {
    // 3 x 3 over 64 channels: 16 words, 144 taps, 2,304 multiply-adds an item.
    expect(planOf([1, 64, 56, 56], [64, 64, 3, 3], { padding: 1 })).toMatchObject({
      shard_count: Math.ceil((16 * 56 * 56) / 8192),
      constants: { shard_items: 8192, out_rows: 56, out_columns: 56 },
      leaf: { kind: 'blob', max_bytes: 131_072 },
    })
    expect(planOf([4, 3, 8, 8], [1, 3, 1, 1])).toMatchObject({ shard_count: 1, leaf: { max_bytes: 4096 } })
  })

  test.each<[string, Shape, Shape, string]>([
    ['channels that do not agree', [1, 3, 8, 8], [4, 2, 3, 3], 'w is for 2 channels, x has 3'],
    ['too many products', [1, 20_000, 3, 3], [1, 20_000, 3, 3], 'a sum of 180000 products'],
    ['too many taps of few channels', [1, 1, 200, 200], [1, 1, 182, 182], 'a sum of 33124 products'],
    ['a kernel larger than the image', [1, 1, 3, 3], [1, 1, 4, 1], 'larger than the padded image'],
    ['an image whose words exceed the limit', [1, 1, 8192, 4096], [1, 1, 1, 1], 'exceeds 64 MiB'],
    ['weights over the limit', [1, 128, 16, 16], [8192, 128, 9, 9], 'exceeds 64 MiB'],
    ['an output over the limit', [1, 1, 1024, 1024], [32, 1, 1, 1], 'the output exceeds 64 MiB'],
  ])('%s are refused', (_, x, w, message) => {
    expect(() => planOf(x, w)).toThrow(message)
  })
})

test('shards fold in any order, across images and channels', () => {
  const prepared = jobOf(conv2d, { padding: 1 }, operands([2, 9, 40, 40], [10, 9, 15, 15]))
  expect(prepared.job.plan.shard_count).toBeGreaterThan(2)
  expect(outcomeOf(prepared, true)).toEqual(outcomeOf(prepared))
})

test('a wrong leaf is named', () => {
  const { job, inputs } = jobOf(conv2d, {}, operands([1, 2, 3, 3], [5, 2, 2, 2]))
  const leaf = referenceLeaf(job, 0, inputs)
  const forged = (at: number, value: number) => {
    const bytes = leaf.slice()
    new DataView(bytes.buffer).setInt32(4 * at, value, true)
    return bytes
  }
  expect(job.checkLeaf(0, forged(7, 8 * 16_384))).toBeUndefined()
  expect(job.checkLeaf(0, forged(7, 8 * 16_384 + 1))).toContain('output 7')
  expect(job.checkLeaf(0, forged(7, -8 * 16_256 - 1))).toContain('output 7')
  // Items 4 to 7 are of the second block, which has one channel.
  expect(job.checkLeaf(0, forged(17, 1))).toContain('output 17 of no channel')
  expect(job.checkLeaf(0, leaf.subarray(16))).toContain('bytes')
})

test('the summary shows the first channel', () => {
  const { job, inputs } = jobOf(conv2d, {}, operands([1, 1, 6, 5], [2, 1, 2, 2]))
  const { headline, charts } = job.summarise(outcomeOf({ job, inputs }).result)
  expect(headline.value).toBe('1 × 2 × 5 × 4 int32')
  expect(charts).toMatchObject([{ kind: 'heatmap', rows: 5, columns: 4 }])
})
