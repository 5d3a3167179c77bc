import { referenceFor } from '../reference.test-support.ts'
import { tileBytes, tileOf } from '../tile-grid.ts'
import { matmulSpec } from './index.ts'
import type { Int8Operands } from './slices.ts'
import { int8Operands } from './slices.ts'
import { BLOCK, type MatmulConstants, placeOf } from './tiles.ts'

/**
 * One tile of C on the CPU. Two neighbouring columns of B ride in one double, b0 + b1 2^27, so that one multiply-add
 * does the work of two; all values are integers below 2^53, which ECMAScript adds and multiplies exactly.
 *
 * Proof. Over DEPTH_BLOCK = 256 terms |sum a b0| and |sum a b1| are at most 256 * 2^14 = 2^22. The packed sum is at most
 * 2^22 * 2^27 + 2^22 < 2^50; its low part lies within 2^22 < 2^26 of a multiple of 2^27, so rounding to the nearest
 * multiple separates the two sums without doubt.
 */
const COLUMN_SHIFT = 2 ** 27
const DEPTH_BLOCK = 256
/** Packed columns of B, 256 KiB with DEPTH_BLOCK: they stay in the second cache while the rows of A go by. */
const COLUMN_BLOCK = 256

/** @returns the tile's elements, row-major, little-endian int32 */
export function multiplyTile(constants: MatmulConstants, operands: Int8Operands, shard: number): Uint8Array {
  const { product, tile: number } = placeOf(constants, shard)
  const a = matrixOf(operands.a, product, constants.rows * constants.depth)
  const b = matrixOf(operands.b, product, constants.depth * constants.columns)
  const tile = tileOf(constants, number)
  const rowBlocks = Math.ceil(tile.rows / BLOCK)
  const stride = Math.ceil(tile.columns / BLOCK) * BLOCK
  const sums = new Int32Array(rowBlocks * BLOCK * stride)
  const packedA = new Float64Array(BLOCK * DEPTH_BLOCK)
  const packedB = new Float64Array((COLUMN_BLOCK / 2) * DEPTH_BLOCK)
  for (let column = 0; column < tile.columns; column += COLUMN_BLOCK) {
    const columns = Math.min(COLUMN_BLOCK, tile.columns - column)
    const columnBlocks = Math.ceil(columns / BLOCK)
    for (let first = 0; first < constants.depth; first += DEPTH_BLOCK) {
      const depth = Math.min(DEPTH_BLOCK, constants.depth - first)
      packColumnPairs(packedB, b, constants.columns, tile.column + column, columns, first, depth)
      for (let i = 0; i < rowBlocks; i++) {
        const row = i * BLOCK
        packRows(packedA, a, constants.depth, tile.row + row, Math.min(BLOCK, tile.rows - row), first, depth)
        for (let j = 0; j < columnBlocks; j++) {
          multiplyBlock(
            sums,
            packedA,
            packedB,
            j * depth * 2,
            depth,
            row * stride + column + j * BLOCK,
            stride,
          )
        }
      }
    }
  }
  return tileBytes(sums, stride, tile)
}

/** One matrix of a batch. */
function matrixOf(matrices: Int8Array, product: number, size: number): Int8Array {
  return matrices.subarray(product * size, (product + 1) * size)
}

/** The four elements of one depth side by side. Rows that the tile lacks keep old values: their sums are never read. */
function packRows(
  out: Float64Array,
  a: Int8Array,
  depthOfA: number,
  row: number,
  rows: number,
  first: number,
  depth: number,
): void {
  for (let r = 0; r < rows; r++) {
    let from = (row + r) * depthOfA + first
    for (let to = r; to < depth * BLOCK; to += BLOCK, from++) out[to] = a[from] as number
  }
}

/** Columns in groups of four, as two packed pairs; what lies beyond the last pair keeps old values, like the rows. */
function packColumnPairs(
  out: Float64Array,
  b: Int8Array,
  columnsOfB: number,
  column: number,
  columns: number,
  first: number,
  depth: number,
): void {
  for (let k = 0; k < depth; k++) {
    const from = (first + k) * columnsOfB + column
    for (let c = 0; c < columns; c += 2) {
      const low = b[from + c] as number
      const high = c + 1 < columns ? (b[from + c + 1] as number) : 0
      out[((c >> 2) * depth + k) * 2 + ((c >> 1) & 1)] = low + high * COLUMN_SHIFT
    }
  }
}

/** Adds the products of one 4 x 4 block over one run of depths: eight accumulators of two sums each. */
function multiplyBlock(
  sums: Int32Array,
  a: Float64Array,
  b: Float64Array,
  firstB: number,
  depth: number,
  at: number,
  stride: number,
): void {
  let c00 = 0
  let c01 = 0
  let c10 = 0
  let c11 = 0
  let c20 = 0
  let c21 = 0
  let c30 = 0
  let c31 = 0
  const end = firstB + depth * 2
  for (let atA = 0, atB = firstB; atB < end; atA += BLOCK, atB += 2) {
    const b0 = b[atB] as number
    const b1 = b[atB + 1] as number
    const a0 = a[atA] as number
    c00 += a0 * b0
    c01 += a0 * b1
    const a1 = a[atA + 1] as number
    c10 += a1 * b0
    c11 += a1 * b1
    const a2 = a[atA + 2] as number
    c20 += a2 * b0
    c21 += a2 * b1
    const a3 = a[atA + 3] as number
    c30 += a3 * b0
    c31 += a3 * b1
  }
  addPair(sums, at, c00)
  addPair(sums, at + 2, c01)
  addPair(sums, at + stride, c10)
  addPair(sums, at + stride + 2, c11)
  addPair(sums, at + 2 * stride, c20)
  addPair(sums, at + 2 * stride + 2, c21)
  addPair(sums, at + 3 * stride, c30)
  addPair(sums, at + 3 * stride + 2, c31)
}

/** The running totals stay within depth * 2^14 < 2^31. */
function addPair(sums: Int32Array, at: number, packed: number): void {
  const high = Math.floor(packed / COLUMN_SHIFT + 0.5)
  sums[at] = (sums[at] as number) + (packed - high * COLUMN_SHIFT)
  sums[at + 1] = (sums[at + 1] as number) + high
}

export const reference = referenceFor(matmulSpec, ({ args, plan, inputRefs, inputs }, shard) =>
  multiplyTile(plan.constants, int8Operands(args, plan.constants, inputRefs, inputs), shard),
)
