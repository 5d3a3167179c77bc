import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { matrixPreview, previewOf } from '../matrix-preview.ts'
import type { Artifact, Plan } from '../op.ts'
import { placeTile, tileOf } from '../tile-grid.ts'
import { batchOf, type MatmulConstants, outputBytes, PRODUCT_MAX, PRODUCT_MIN, placeOf } from './tiles.ts'
import { checkWideTile, floatProduct, integerProduct, reduceWide } from './wide-product.ts'

/** The whole product while its tiles arrive: row-major little-endian int32, or int64 of larger elements. */
export interface Product {
  readonly constants: MatmulConstants
  readonly bytes: Uint8Array
}

const digits = z.string().regex(/^-?[0-9]{1,40}$/)
const word = z
  .int()
  .min(-(2 ** 31))
  .max(2 ** 31 - 1)

/** A product of int8. */
const int32Product = z.strictObject({
  shape: z.tuple([z.int().min(1), z.int().min(1)]),
  dtype: z.literal('int32'),
  /** SHA-256 of C's bytes: the name of the artifact `c`. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  min: word,
  max: word,
  /** Sum of all elements, a decimal string: it can pass 2^53. */
  sum: digits,
  /** Sum of the squares of all elements, a decimal string. */
  frobenius_squared: digits,
  /** Sum of the diagonal, at most 2^12 * 2^31; null unless the product is square. */
  trace: z.int().nullable(),
  preview: matrixPreview,
})
export type Int32Product = z.infer<typeof int32Product>

export const matmulResult = z.discriminatedUnion('dtype', [int32Product, integerProduct, floatProduct])
export type MatmulResult = z.infer<typeof matmulResult>

const BYTES = 4
/** Elements between two transfers of the exact double sums into BigInt: 2^16 * 2^32 < 2^53. */
const RUN = 65_536

export function emptyProduct(plan: Plan<MatmulConstants>): Product {
  const { rows, columns } = plan.constants
  return {
    constants: plan.constants,
    bytes: new Uint8Array(batchOf(plan.constants) * rows * columns * outputBytes(plan.constants)),
  }
}

/** Writes a tile into its place in its product. */
export function placeProductTile({ constants, bytes }: Product, shard: number, leaf: Uint8Array): void {
  const { product, tile } = placeOf(constants, shard)
  const element = outputBytes(constants)
  const size = constants.rows * constants.columns * element
  placeTile(bytes.subarray(product * size, (product + 1) * size), constants, tile, leaf, element)
}

/** A tile has exactly its length, and each element lies between depth times the least and the largest product. */
export function checkTile(plan: Plan<MatmulConstants>, shard: number, leaf: Uint8Array): string | undefined {
  const { depth, wide } = plan.constants
  const tile = tileOf(plan.constants, placeOf(plan.constants, shard).tile)
  const element = outputBytes(plan.constants)
  const expected = tile.rows * tile.columns * element
  if (leaf.length !== expected)
    return `a tile of ${leaf.length} bytes; ${tile.rows} x ${tile.columns} int${8 * element} are ${expected}`
  if (wide !== undefined) return checkWideTile(wide, leaf)
  const low = depth * PRODUCT_MIN
  const high = depth * PRODUCT_MAX
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  for (let at = 0; at < expected; at += BYTES) {
    const value = view.getInt32(at, true)
    if (value < low || value > high)
      return `element ${at / BYTES} is ${value}; ${depth} products lie within ${low} and ${high}`
  }
  return undefined
}

export function reduceProduct({ constants, bytes }: Product): {
  readonly result: MatmulResult
  readonly artifacts: readonly Artifact[]
} {
  if (constants.wide !== undefined) return reduceWide(constants.wide, constants, bytes)
  const rows = batchOf(constants) * constants.rows
  const { columns } = constants
  const shape: [number, number] = [rows, columns]
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const result: Int32Product = {
    shape,
    dtype: 'int32',
    digest: sha256Hex(bytes),
    ...totals(bytes),
    trace: constants.batch === undefined && rows === columns ? trace(bytes, rows) : null,
    preview: previewOf(rows, columns, (row, column) => view.getInt32((row * columns + column) * BYTES, true)),
  }
  return { result, artifacts: [{ name: 'c', dtype: 'int32', shape, bytes }] }
}

/** Squares by halves of 16 bits, v = h 2^16 + l: each of the three sums stays exact over a run. */
function totals(bytes: Uint8Array): Pick<Int32Product, 'min' | 'max' | 'sum' | 'frobenius_squared'> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let min = 2 ** 31 - 1
  let max = -(2 ** 31)
  let sum = 0n
  let squares = 0n
  for (let start = 0; start < bytes.length; start += RUN * BYTES) {
    const end = Math.min(bytes.length, start + RUN * BYTES)
    let total = 0
    let highHigh = 0
    let highLow = 0
    let lowLow = 0
    for (let at = start; at < end; at += BYTES) {
      const value = view.getInt32(at, true)
      const high = value >> 16
      const low = value & 0xffff
      if (value < min) min = value
      if (value > max) max = value
      total += value
      highHigh += high * high
      highLow += high * low
      lowLow += low * low
    }
    sum += BigInt(total)
    squares += (BigInt(highHigh) << 32n) + (BigInt(highLow) << 17n) + BigInt(lowLow)
  }
  return { min, max, sum: sum.toString(), frobenius_squared: squares.toString() }
}

function trace(bytes: Uint8Array, size: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let sum = 0
  for (let i = 0; i < size; i++) sum += view.getInt32(i * (size + 1) * BYTES, true)
  return sum
}
