import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { property } from '../numerics/property.test-support.ts'
import { freivaldsMiss, wrongRow } from './freivalds.ts'
import { type M61Element, multiplyM61, powersM61, randomM61, reduceM61 } from './m61.ts'

const P = (1n << 61n) - 1n
const value = ([a, b, c]: M61Element) => BigInt(a) + (BigInt(b) << 21n) + (BigInt(c) << 42n)
const modulo = (x: bigint) => ((x % P) + P) % P
const element = (x: bigint): M61Element => [
  Number(x & 0x1fffffn),
  Number((x >> 21n) & 0x1fffffn),
  Number(x >> 42n),
]
const anyElement = fc
  .oneof(
    fc.bigInt({ min: 0n, max: P - 1n }),
    fc.constantFrom(0n, 1n, P - 1n, P - 2n, 1n << 60n, (1n << 42n) - 1n),
  )
  .map(element)
const anyLimb = fc.oneof(
  fc.integer({ min: -(2 ** 52), max: 2 ** 52 }),
  fc.constantFrom(0, 1, -1, 2 ** 21, -(2 ** 21), 2 ** 52, -(2 ** 52), 2 ** 19 - 1),
)

describe('the field of 2^61 - 1', () => {
  it('reduces any limbs and multiplies as BigInt does', () => {
    property('m61 reduce', [anyLimb, anyLimb, anyLimb], (a, b, c) => {
      expect(value(reduceM61(a, b, c))).toBe(modulo(BigInt(a) + (BigInt(b) << 21n) + (BigInt(c) << 42n)))
    })
    property('m61 multiply', [anyElement, anyElement], (a, b) => {
      expect(value(multiplyM61(a, b))).toBe(modulo(value(a) * value(b)))
    })
    property('m61 from bytes', [fc.uint8Array({ minLength: 8, maxLength: 8 })], (bytes) => {
      expect(value(randomM61(bytes))).toBe(modulo(new DataView(bytes.buffer).getBigUint64(0, true)))
    })
  })

  it('has the powers of an element', () => {
    const s = element(123_456_789_012_345_678n)
    const powers = powersM61(s, 5)
    for (let i = 0; i < 5; i++) {
      const [a, b, c] = [powers[i], powers[5 + i], powers[10 + i]] as unknown as M61Element
      expect(value([a, b, c])).toBe(modulo(value(s) ** BigInt(i)))
    }
  })
})

const int8 = (count: number) => fc.int8Array({ minLength: count, maxLength: count })
const shape = fc.record({
  rows: fc.integer({ min: 1, max: 6 }),
  depth: fc.integer({ min: 1, max: 9 }),
  columns: fc.integer({ min: 1, max: 6 }),
})
const anyProduct = shape.chain(({ rows, depth, columns }) =>
  fc.record({
    rows: fc.constant(rows),
    depth: fc.constant(depth),
    columns: fc.constant(columns),
    a: int8(rows * depth),
    b: int8(depth * columns),
  }),
)

function multiply(rows: number, depth: number, columns: number, a: Int8Array, b: Int8Array): Int32Array {
  const c = new Int32Array(rows * columns)
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      for (let k = 0; k < depth; k++)
        c[i * columns + j] =
          (c[i * columns + j] as number) + (a[i * depth + k] as number) * (b[k * columns + j] as number)
  return c
}

const rowsOf = (elements: Int8Array, depth: number) => ({
  elements,
  first: 0,
  line_stride: depth,
  depth_stride: 1,
})
const columnsOf = (elements: Int8Array, columns: number) => ({
  elements,
  first: 0,
  line_stride: 1,
  depth_stride: columns,
})
const bytesOf = (c: Int32Array) => new Uint8Array(c.buffer, c.byteOffset, c.byteLength)
const operand_bits = 7

describe("Freivalds' check", () => {
  it('passes every right product, and names the row of a wrong element', () => {
    property(
      'freivalds',
      [anyProduct, anyElement, fc.nat(), fc.integer({ min: 1, max: 100_000 }), fc.boolean()],
      ({ rows, depth, columns, a, b }, s, at, error, isNegative) => {
        const c = multiply(rows, depth, columns, a, b)
        const check = () =>
          wrongRow(
            { rows, depth, columns, operand_bits },
            rowsOf(a, depth),
            columnsOf(b, columns),
            bytesOf(c),
            s,
          )
        expect(check()).toBeUndefined()
        const wrong = at % c.length
        c[wrong] = (c[wrong] as number) + (isNegative ? -error : error)
        // A point of 0 sees the first column only; every other one sees a single wrong element.
        if (value(s) !== 0n) expect(check()).toBe(Math.floor(wrong / columns))
      },
    )
  })

  it('misses exactly at the roots of the error', () => {
    const ones = new Int8Array(3).fill(1)
    const c = Int32Array.of(1, 1, 1)
    const run = (s: bigint) =>
      wrongRow(
        { rows: 1, depth: 1, columns: 3, operand_bits },
        rowsOf(ones, 1),
        columnsOf(ones, 3),
        bytesOf(c),
        element(s),
      )
    // Errors 6, -5, 1: the polynomial (s - 2)(s - 3).
    c.set([7, -4, 2])
    expect([1n, 2n, 3n, 4n, P - 1n].map(run)).toEqual([0, undefined, undefined, 0, 0])
    expect(freivaldsMiss(3)).toBe(2 / 2 ** 61)
  })

  it('refuses elements that no such product has before it computes', () => {
    const ones = new Int8Array(1).fill(1)
    const c = Int32Array.of(16_385)
    expect(
      wrongRow(
        { rows: 1, depth: 1, columns: 1, operand_bits },
        rowsOf(ones, 1),
        columnsOf(ones, 1),
        bytesOf(c),
        element(5n),
      ),
    ).toBe(0)
  })

  it('of a tile of 256 x 256 over a depth of 1024 costs far less than the product', () => {
    const [n, depth] = [256, 1024]
    const a = Int8Array.from({ length: n * depth }, (_, i) => Math.imul(i, 2_654_435_761) >> 24)
    const b = Int8Array.from({ length: n * depth }, (_, i) => Math.imul(i + 7, 2_654_435_761) >> 24)
    const started = performance.now()
    const c = multiply(n, depth, n, a, b)
    const product_ms = performance.now() - started
    const run = () =>
      wrongRow(
        { rows: n, depth, columns: n, operand_bits },
        rowsOf(a, depth),
        columnsOf(b, n),
        bytesOf(c),
        element(98_765n),
      )
    run()
    const checked = performance.now()
    expect(run()).toBeUndefined()
    const check_ms = performance.now() - checked
    console.info(
      `Freivalds: ${check_ms.toFixed(1)} ms, the product in the same engine ${product_ms.toFixed(0)} ms`,
    )
    expect(check_ms).toBeLessThan(product_ms / 4)
  })
})
