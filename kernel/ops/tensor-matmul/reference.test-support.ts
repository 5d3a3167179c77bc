import type { InputBytes, ShardContext } from '../op.ts'
import { referenceFor } from '../reference.test-support.ts'
import { tileBytes, tileOf } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { matmulSpec } from './index.ts'
import { type Lines, leftLines, rightLines } from './operands.ts'
import { BLOCK, type MatmulConstants, placeOf } from './tiles.ts'

type Run = ShardContext<MatmulArgs, MatmulConstants>

interface Operands {
  readonly a: readonly Lines[]
  readonly b: readonly Lines[]
}

/** Operands by the bytes they came from: a test computes many shards of the same job. */
const known = new WeakMap<InputBytes, { readonly run: Run; readonly operands: Operands }>()

function operandsOf(run: Run, inputs: InputBytes): Operands {
  const found = known.get(inputs)
  if (found?.run.args === run.args && found.run.plan === run.plan) return found.operands
  const { args, plan, inputRefs } = run
  const operands = {
    a: leftLines(args, plan.constants, inputRefs, inputs.get('a')),
    b: rightLines(args, plan.constants, inputRefs, inputs.get('b')),
  }
  known.set(inputs, { run, operands })
  return operands
}

/** @returns the tile's elements, row-major, little-endian int32, or int64 of larger elements */
function referenceTile(run: Run, inputs: InputBytes, shard: number): Uint8Array {
  const c = run.plan.constants
  const { a, b } = operandsOf(run, inputs)
  const { product } = placeOf(c, shard)
  const [left, right] = [a[product] as Lines, b[product] as Lines]
  return c.wide === undefined
    ? multiplyTile(c, rowMajor(left, false), rowMajor(right, true), shard)
    : multiplyWideTile(c, left, right, shard)
}

/** Lines as the rows of a matrix, or as its columns. */
function rowMajor(
  { elements, lines, depth, line_stride, depth_stride }: Lines,
  asColumns: boolean,
): Int8Array {
  const out = new Int8Array(lines * depth)
  for (let line = 0; line < lines; line++) {
    for (let k = 0; k < depth; k++)
      out[asColumns ? k * lines + line : line * depth + k] = elements[
        line * line_stride + k * depth_stride
      ] as number
  }
  return out
}

/**
 * Products of two halves of elements, below 2^23: a = a1 2^12 + a0 with a0 >= 0. Each of the four sums stays below
 * 2^12 2^12 2^17 and is exact.
 */
function multiplyWideTile(c: MatmulConstants, a: Lines, b: Lines, shard: number): Uint8Array {
  const tile = tileOf(c, placeOf(c, shard).tile)
  const view = new DataView(new ArrayBuffer(8 * tile.rows * tile.columns))
  for (let row = 0, to = 0; row < tile.rows; row++) {
    for (let column = 0; column < tile.columns; column++, to += 8) {
      let atA = (tile.row + row) * a.line_stride
      let atB = (tile.column + column) * b.line_stride
      let high = 0
      let middle = 0
      let low = 0
      for (let k = 0; k < c.depth; k++, atA += a.depth_stride, atB += b.depth_stride) {
        const x = a.elements[atA] as number
        const y = b.elements[atB] as number
        high += (x >> 12) * (y >> 12)
        middle += (x >> 12) * (y & 0xfff) + (x & 0xfff) * (y >> 12)
        low += (x & 0xfff) * (y & 0xfff)
      }
      view.setBigInt64(to, (BigInt(high) << 24n) + (BigInt(middle) << 12n) + BigInt(low), true)
    }
  }
  return new Uint8Array(view.buffer)
}

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

function multiplyTile(constants: MatmulConstants, a: Int8Array, b: Int8Array, shard: number): Uint8Array {
  const tile = tileOf(constants, placeOf(constants, shard).tile)
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

export const reference = referenceFor(matmulSpec, (run, shard) => referenceTile(run, run.inputs, shard))
