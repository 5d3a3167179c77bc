import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { matrixPreview, previewOf } from '../matrix-preview.ts'
import type { Artifact } from '../op.ts'
import { factsOf, sequenceFacts } from '../sequence-facts.ts'
import { NOT_FINITE, powerOfTwo } from './quantise.ts'
import { batchOf, isFloat, type MatmulConstants, type Wide } from './tiles.ts'

/** From the int64 product of larger elements, and what else it contains (operands.ts), to the product that was asked for. */

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const shape = z.tuple([z.int().min(1), z.int().min(1)])

/** A product with int16: integers below 2^48, which float64 holds exactly. */
export const integerProduct = z.strictObject({
  shape,
  dtype: z.literal('float64'),
  /** SHA-256 of C's bytes: the name of the artifact `c`. */
  digest,
  ...sequenceFacts.omit({ blocks: true }).shape,
  trace: z.int().nullable(),
  preview: matrixPreview,
})
export type IntegerProduct = z.infer<typeof integerProduct>

/** A product of float32. Its figures are of the doubles before they are rounded to float32, in row-major order. */
export const floatProduct = z.strictObject({
  shape,
  dtype: z.literal('float32'),
  digest,
  /** Bits of the integers to which rows and columns were rounded. */
  bits: z.literal([16, 24]),
  min: z.number(),
  max: z.number(),
  frobenius_squared: z.number(),
  /**
   * No element is further from the product of the operands as given, before it is rounded to float32: depth 2^(e + f)
   * (2^(bits - 1) + 1/4) for the largest exponents of a row and a column.
   */
  error_bound: z.number(),
  /** Elements beyond float32, or of a row or column with an element that is no number; they count in no other figure. */
  not_finite: z.int(),
  preview: matrixPreview.extend({ values: z.array(z.number()).max(1024) }),
})
export type FloatProduct = z.infer<typeof floatProduct>

const WORD = 2 ** 32
const NAN_BITS = 0x7fc00000
const FLOAT32_MAX = 3.402_823_466_385_288_6e38
/** Half a unit in the last place above it rounds to infinity. */
const FLOAT32_OVERFLOW = FLOAT32_MAX + 2 ** 103
const PREVIEW_MAX = 32

/** An element by row and column. */
type Reader = (row: number, column: number) => number

/** The int64 at a byte, to the nearest double: exact below 2^53. */
function int64At(view: DataView, at: number): number {
  return view.getInt32(at + 4, true) * WORD + view.getUint32(at, true)
}

/** Each element lies between what depth products of the largest integers can reach. */
export function checkWideTile({ depth, bits }: Wide, leaf: Uint8Array): string | undefined {
  const most = depth * 2 ** (2 * bits - 2)
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  for (let at = 0; at < leaf.length; at += 8) {
    const value = int64At(view, at)
    if (Math.abs(value) > most)
      return `element ${at / 8} is ${value}; ${depth} products lie within ${-most} and ${most}`
  }
  return undefined
}

export function reduceWide(
  wide: Wide,
  c: MatmulConstants,
  bytes: Uint8Array,
): { readonly result: IntegerProduct | FloatProduct; readonly artifacts: readonly Artifact[] } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const products = Array.from({ length: batchOf(c) }, (_, product): Reader => {
    const first = product * c.rows * c.columns
    return (row, column) => int64At(view, 8 * (first + row * c.columns + column))
  })
  return isFloat(wide) ? floats(wide, products) : integers(wide, products)
}

function integers(s: Wide, products: readonly Reader[]) {
  const rows = products.length * s.rows
  const out = new DataView(new ArrayBuffer(8 * rows * s.columns))
  let to = 0
  let trace = 0
  for (const element of products) {
    for (let i = 0; i < s.rows; i++) {
      for (let j = 0; j < s.columns; j++, to += 8) out.setFloat64(to, element(i, j), true)
      if (i < s.columns) trace += element(i, i)
    }
  }
  const bytes = new Uint8Array(out.buffer)
  const read = (index: number) => out.getFloat64(8 * index, true)
  const { min, max, sum } = factsOf(rows * s.columns, read)
  const sides: [number, number] = [rows, s.columns]
  const result: IntegerProduct = {
    shape: sides,
    dtype: 'float64',
    digest: sha256Hex(bytes),
    min,
    max,
    sum,
    trace: products.length === 1 && s.rows === s.columns ? trace : null,
    preview: previewOf(rows, s.columns, (row, column) => read(row * s.columns + column)),
  }
  return { result, artifacts: [{ name: 'c', dtype: 'float64' as const, shape: sides, bytes }] }
}

/** What is known of the elements of a float product so far. */
interface FloatFacts {
  min: number
  max: number
  squares: number
  notFinite: number
  bound: number
}

function floats(s: Wide, products: readonly Reader[]) {
  const size = s.rows * s.columns
  const values = new Float64Array(products.length * size)
  const bytes = new Uint8Array(4 * values.length)
  const facts: FloatFacts = {
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    squares: 0,
    notFinite: 0,
    bound: 0,
  }
  products.forEach((product, i) => {
    floatProductOf(
      s,
      product,
      values.subarray(i * size, (i + 1) * size),
      new DataView(bytes.buffer, 4 * i * size, 4 * size),
      facts,
    )
  })
  const finite = facts.notFinite < values.length
  const sides: [number, number] = [products.length * s.rows, s.columns]
  const result: FloatProduct = {
    shape: sides,
    dtype: 'float32',
    digest: sha256Hex(bytes),
    bits: s.bits,
    min: finite ? facts.min : 0,
    max: finite ? facts.max : 0,
    frobenius_squared: facts.squares,
    error_bound: facts.bound,
    not_finite: facts.notFinite,
    preview: floatPreview(sides, values),
  }
  return { result, artifacts: [{ name: 'c', dtype: 'float32' as const, shape: sides, bytes }] }
}

/** One product's elements, as doubles and as float32, added to the facts. */
function floatProductOf(s: Wide, at: Reader, values: Float64Array, out: DataView, facts: FloatFacts): void {
  const columnExponents = Array.from({ length: s.columns }, (_, j) => at(s.rows, j))
  let largestRow = -NOT_FINITE
  for (let i = 0, index = 0; i < s.rows; i++) {
    const e = at(i, s.columns)
    if (e !== NOT_FINITE) largestRow = Math.max(largestRow, e)
    for (let j = 0; j < s.columns; j++, index++) {
      const f = columnExponents[j] as number
      if (e === NOT_FINITE || f === NOT_FINITE) {
        facts.notFinite++
        out.setUint32(4 * index, NAN_BITS, true)
        continue
      }
      const value = at(i, j) * powerOfTwo(e + f)
      out.setFloat32(4 * index, value, true)
      if (Math.abs(value) >= FLOAT32_OVERFLOW) {
        facts.notFinite++
        continue
      }
      values[index] = value
      if (value < facts.min) facts.min = value
      if (value > facts.max) facts.max = value
      facts.squares += value * value
    }
  }
  const largestColumn = columnExponents.reduce(
    (most, f) => (f === NOT_FINITE ? most : Math.max(most, f)),
    -NOT_FINITE,
  )
  const half = 2 ** (s.bits - 1)
  facts.bound = Math.max(facts.bound, s.depth * powerOfTwo(largestRow + largestColumn) * (half + 0.25))
}

/** Means of the blocks of an even division, added up row by row. */
function floatPreview(
  [rows, columns]: readonly [number, number],
  values: Float64Array,
): FloatProduct['preview'] {
  const down = Math.min(rows, PREVIEW_MAX)
  const across = Math.min(columns, PREVIEW_MAX)
  const sums = new Array<number>(down * across).fill(0)
  const counts = new Array<number>(down * across).fill(0)
  for (let row = 0, index = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, index++) {
      const block = Math.floor((row * down) / rows) * across + Math.floor((column * across) / columns)
      sums[block] = (sums[block] as number) + (values[index] as number)
      counts[block] = (counts[block] as number) + 1
    }
  }
  return { rows: down, columns: across, values: sums.map((sum, block) => sum / (counts[block] as number)) }
}
