import type { InputRefs } from '../../contract.ts'
import type { DeviceVariant, Plan } from '../op.ts'
import { tileCount, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { leftOperand, rightOperand } from './slices.ts'
import { BLOCK, batchOf, type MatmulConstants } from './tiles.ts'

/** int8 elements in one u32 word; they lie along the inner dimension, the lowest byte first. */
const LANES = 4

/**
 * Kernels that devices may run for the normative one, all of them on operands of bytes:
 * shaders/tensor/matmul.v1.dp4a.wgsl with an invocation for 4 x 4 elements, matmul.v1.f32.wgsl with one for 4 x 8. An
 * invocation runs depth / 4 <= 32,768 iterations, below the 65,535 after which one driver stops.
 */
export function matmulVariants(
  args: MatmulArgs,
  { constants: c }: Plan<MatmulConstants>,
  refs: InputRefs,
  kernel: string,
): readonly DeviceVariant[] {
  const rowBlocks = c.tile_rows / BLOCK
  const columnBlocks = c.tile_columns / BLOCK
  const operands = {
    words: Uint32Array.of(
      Math.ceil(c.depth / LANES),
      Math.ceil(c.rows / BLOCK),
      Math.ceil(c.columns / BLOCK),
      tilesAcross(c),
      rowBlocks,
      columnBlocks,
      tileCount(c),
    ),
    inputs: [
      {
        name: 'a',
        pack: (bytes: Uint8Array) => packBatch(leftOperand(args, c, refs, bytes), c, packRowBlocks),
      },
      {
        name: 'b',
        pack: (bytes: Uint8Array) => packBatch(rightOperand(args, c, refs, bytes), c, packColumnBlocks),
      },
    ],
  }
  return [
    {
      ...operands,
      kernel: `${kernel}.dp4a`,
      needs: 'packed_4x8_integer_dot_product',
      invocations: rowBlocks * columnBlocks,
    },
    { ...operands, kernel: `${kernel}.f32`, invocations: rowBlocks * Math.ceil(columnBlocks / 2) },
  ]
}

/** The matrices of a batch one after another. */
export function packBatch(
  matrices: Int8Array,
  c: MatmulConstants,
  pack: (matrix: Int8Array, c: MatmulConstants) => Uint32Array,
): Uint32Array {
  const batch = batchOf(c)
  if (batch === 1) return pack(matrices, c)
  const size = matrices.length / batch
  const parts = Array.from({ length: batch }, (_, i) => pack(matrices.subarray(i * size, (i + 1) * size), c))
  const packed = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0))
  parts.reduce((at, part) => {
    packed.set(part, at)
    return at + part.length
  }, 0)
  return packed
}

/**
 * A as one vec4 for each block of four rows and word of the inner dimension: component r holds the word of row r. Rows
 * and lanes beyond the matrix are zero.
 */
export function packRowBlocks(a: Int8Array, { rows, depth }: MatmulConstants): Uint32Array {
  const words = Math.ceil(depth / LANES)
  const packed = new Uint32Array(Math.ceil(rows / BLOCK) * BLOCK * words)
  for (let row = 0; row < rows; row++) {
    const start = row * depth
    const base = (row >> 2) * words * BLOCK + (row & 3)
    for (let k = 0; k < depth; k++) {
      const to = base + (k >> 2) * BLOCK
      packed[to] = (packed[to] as number) | (((a[start + k] as number) & 0xff) << (8 * (k & 3)))
    }
  }
  return packed
}

/** B likewise: component c holds the word of column c of the block. */
export function packColumnBlocks(b: Int8Array, { depth, columns }: MatmulConstants): Uint32Array {
  const words = Math.ceil(depth / LANES)
  const packed = new Uint32Array(Math.ceil(columns / BLOCK) * BLOCK * words)
  for (let k = 0; k < depth; k++) {
    const start = k * columns
    const shift = 8 * (k & 3)
    for (let column = 0; column < columns; column++) {
      const to = ((column >> 2) * words + (k >> 2)) * BLOCK + (column & 3)
      packed[to] = (packed[to] as number) | (((b[start + column] as number) & 0xff) << shift)
    }
  }
  return packed
}
