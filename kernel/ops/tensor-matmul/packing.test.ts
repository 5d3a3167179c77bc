import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Dtype } from '../../contract.ts'
import { property } from '../../numerics/property.test-support.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import { jobOf, mixedBytes } from '../operand-golden.test-support.ts'
import { matmul } from './index.ts'
import {
  exponentFor,
  largestOf,
  NOT_FINITE,
  powerOfTwo,
  raiseLargest,
  roundAcross,
  roundLine,
  scaleFor,
} from './quantise.ts'
import { float, oracleLine } from './rounding.test-support.ts'
import { type MatmulConstants, runsOf } from './tiles.ts'

const bitsOf = fc.constantFrom<16 | 24>(16, 24)
const NOT_FINITE_WORDS = [0x7f800000, 0xff800000, 0x7fc00000, 0xffffffff]

/** The exponent and the integers of a line by the steps of the packer. */
function rounded(line: readonly number[], bits: 16 | 24): { e: number; m: bigint[] } {
  const words = Int32Array.from([7, ...line, -1])
  const floats = new Float32Array(words.buffer)
  const largest = largestOf(words, 1, line.length)
  const aside = new Int32Array(1)
  for (let i = 1; i <= line.length; i++) raiseLargest(words, i, aside)
  expect(aside[0]).toBe(largest)
  const e = exponentFor(largest, bits)
  const m = new Int32Array(line.length).fill(77)
  roundLine(floats, 1, line.length, scaleFor(e), m)
  const across = new Int32Array(line.length).fill(78)
  roundAcross(floats, 1, new Float64Array(line.length).fill(scaleFor(e)), across)
  expect(across).toEqual(m)
  return { e, m: [...m].map(BigInt) }
}

describe('rounding of float32', () => {
  test('lines become the integers that are defined', () => {
    property(
      'rounding',
      [fc.array(float, { minLength: 1, maxLength: 12 }), bitsOf],
      (line, bits) => {
        const { e, m } = rounded(line, bits)
        const oracle = oracleLine(line, bits)
        expect(e).toBe(line.every((word) => (word & 0x7fffffff) === 0) ? -128 : oracle.e)
        expect(m).toEqual(oracle.m)
      },
      1500,
    )
  })

  test('a line with what is no number is zero', () => {
    for (const bad of NOT_FINITE_WORDS)
      expect(rounded([0x3f800000, bad, 0xc0490fdb], 16)).toEqual({ e: NOT_FINITE, m: [0n, 0n, 0n] })
  })

  test('powers of two', () => {
    for (const e of [-1022, -300, -1, 0, 1, 52, 1023]) expect(powerOfTwo(e)).toBe(2 ** e)
  })
})

interface Given {
  readonly dtype: Dtype
  readonly bytes: Uint8Array
  /** The element of a line of a product. */
  readonly element: (product: number, line: number, k: number) => bigint
}

/** Lines of a product of floats with their exponents, as operands.ts says. */
function withExponents(
  lines: readonly { e: number; m: bigint[] }[],
  name: 'a' | 'b',
): (line: number, k: number) => bigint {
  const depth = lines[0]?.m.length ?? 0
  const [own, other] = name === 'a' ? [depth, depth + 1] : [depth + 1, depth]
  return (line, k) => {
    const found = lines[line]
    if (found === undefined) return k === other ? 1n : 0n
    return k === own ? BigInt(found.e) : (found.m[k] ?? 0n)
  }
}

/** Where element k of a line lies in a matrix as it is stored. */
type Place = (product: number, line: number, k: number) => number

function integers(dtype: 'int8' | 'int16', count: number, salt: number, place: Place): Given {
  const size = dtype === 'int8' ? 1 : 2
  const bytes = mixedBytes(size * count, salt)
  const view = new DataView(bytes.buffer)
  return {
    dtype,
    bytes,
    element: (product, line, k) => {
      const at = size * place(product, line, k)
      return BigInt(dtype === 'int8' ? view.getInt8(at) : view.getInt16(at, true))
    },
  }
}

function floats(
  name: 'a' | 'b',
  bits: 16 | 24,
  words: readonly number[],
  [batch, lines, depth]: readonly [number, number, number],
  place: Place,
): Given {
  const products = Array.from({ length: batch }, (_, product) =>
    withExponents(
      Array.from({ length: lines }, (_l, line) => {
        const elements = Array.from({ length: depth }, (_k, k) => words[place(product, line, k)] as number)
        const oracle = oracleLine(elements, bits)
        return elements.every((word) => (word & 0x7fffffff) === 0) ? { ...oracle, e: -128 } : oracle
      }),
      name,
    ),
  )
  return {
    dtype: 'float32',
    bytes: wordsToBytes(Uint32Array.from(words)),
    element: (product, line, k) => products[product]?.(line, k) ?? 0n,
  }
}

/** The words of an operand, each by its place: what stands there of which digit of which elements. */
function packedByDefinition(c: MatmulConstants, name: 'a' | 'b', { element }: Given): number[] {
  const { runs, run_pairs, run_steps } = runsOf(c)
  const lines = name === 'a' ? c.rows : c.columns
  const width = name === 'a' ? 4 : 8
  const digits = c.wide === undefined ? 1 : name === 'a' ? c.wide.a_digits : c.wide.b_digits
  const words: number[] = []
  for (let product = 0; product < (c.batch ?? 1); product++)
    for (let digit = 0; digit < digits; digit++)
      for (let group = 0; group < Math.ceil(lines / width); group++)
        for (let run = 0; run < runs; run++)
          for (let pair = 0; pair < 8 * run_steps; pair++)
            for (let l = 0; l < width; l++) {
              const half = (odd: number): bigint => {
                const line = group * width + l
                const k = 2 * (run * run_pairs + pair) + odd
                if (line >= lines || pair >= run_pairs || k >= c.depth) return 0n
                const x = element(product, line, k)
                if (digits === 1) return BigInt.asUintN(16, x)
                const low = BigInt.asIntN(c.wide?.digit_bits ?? 0, x)
                return BigInt.asUintN(16, digit === 0 ? low : (x - low) >> BigInt(c.wide?.digit_bits ?? 0))
              }
              words.push(Number(half(0) | (half(1) << 16n)))
            }
  return words
}

describe('packing', () => {
  const side = fc.integer({ min: 1, max: 13 })
  // Deep ones have several runs.
  const inner = fc.oneof(
    { weight: 9, arbitrary: side },
    { weight: 1, arbitrary: fc.integer({ min: 500, max: 560 }) },
  )
  const kinds = fc.constantFrom<readonly [Dtype, Dtype, 16 | 24]>(
    ['int8', 'int8', 16],
    ['int16', 'int8', 16],
    ['int8', 'int16', 16],
    ['int16', 'int16', 16],
    ['float32', 'float32', 16],
    ['float32', 'float32', 24],
  )
  test('operands of every kind, transposed or not, are the words that are defined', () => {
    property(
      'packing',
      [
        fc.tuple(side, inner, side),
        fc.tuple(fc.boolean(), fc.boolean()),
        fc.integer({ min: 1, max: 3 }),
        kinds,
        fc.array(fc.oneof(float, float, float, float, fc.constantFrom(0, ...NOT_FINITE_WORDS)), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.nat({ max: 3 }),
      ],
      ([rows, depth, columns], [transpose_a, transpose_b], batch, [aType, bType, bits], pool, shift) => {
        const given = (name: 'a' | 'b', dtype: Dtype, transposed: boolean): Given => {
          const lines = name === 'a' ? rows : columns
          const rowIsLine = (name === 'a') !== transposed
          const place: Place = (product, line, k) =>
            product * lines * depth + (rowIsLine ? line * depth + k : k * lines + line)
          const count = batch * lines * depth
          if (dtype !== 'float32')
            return integers(dtype as 'int8' | 'int16', count, name === 'a' ? 3 : 4, place)
          const words = Array.from({ length: count }, (_, i) => pool[(i * 7 + i * i) % pool.length] as number)
          return floats(name, bits, words, [batch, lines, depth], place)
        }
        const a = given('a', aType, transpose_a)
        const b = given('b', bType, transpose_b)
        const shapeOf = (down: number, across: number, transposed: boolean) =>
          transposed ? [batch * across, down] : [batch * down, across]
        const { job } = jobOf(
          matmul,
          {
            transpose_a,
            transpose_b,
            ...(batch > 1 ? { batch } : {}),
            ...(aType === 'float32' ? { bits } : {}),
          },
          {
            a: { ...a, shape: shapeOf(rows, depth, transpose_a) },
            b: { ...b, shape: shapeOf(depth, columns, transpose_b) },
          },
        )
        const c = job.plan.constants as unknown as MatmulConstants
        const { inputs } = job.gpu()
        for (const [i, name] of (['a', 'b'] as const).entries()) {
          const operand = name === 'a' ? a : b
          // Bytes may lie anywhere in memory.
          const moved = new Uint8Array(operand.bytes.length + shift).subarray(shift)
          moved.set(operand.bytes)
          const expected = packedByDefinition(c, name, operand)
          expect(Buffer.from(wordsToBytes(inputs[i]?.pack(moved) ?? new Uint32Array()))).toEqual(
            Buffer.from(wordsToBytes(Uint32Array.from(expected))),
          )
        }
      },
      30,
    )
  })
})
