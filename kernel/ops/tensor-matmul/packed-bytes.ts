import type { InputRefs } from '../../contract.ts'
import type { DeviceVariant } from '../op.ts'
import { tileBytes, tileCount, tileOf, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { type Lines, leftLines, rightLines } from './operands.ts'
import { BLOCK, type MatmulConstants, placeOf } from './tiles.ts'

/** int8 elements in one u32 word; they lie along the inner dimension, the lowest byte first. */
const LANES = 4

/**
 * Kernels that devices may run for the normative one, on int8 products, all of them on operands of packed bytes:
 * shaders/tensor/matmul.v1.dp4a.wgsl with an invocation for 4 x 4 elements, matmul.v1.f32.wgsl with one for 4 x 8. An
 * invocation runs depth / 4 <= 32,768 iterations, below the 65,535 after which one driver stops.
 */
export function matmulVariants(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  kernel: string,
): readonly DeviceVariant[] {
  const words = Math.ceil(c.depth / LANES)
  const rowBlocks = c.tile_rows / BLOCK
  const columnBlocks = c.tile_columns / BLOCK
  const shared: Omit<DeviceVariant, 'kernel' | 'invocations'> = {
    words: Uint32Array.of(
      words,
      Math.ceil(c.rows / BLOCK),
      Math.ceil(c.columns / BLOCK),
      tilesAcross(c),
      rowBlocks,
      columnBlocks,
      tileCount(c),
    ),
    slot_words: c.tile_rows * c.tile_columns,
    inputs: [
      { name: 'a', pack: (bytes) => packQuads(leftLines(args, c, refs, bytes), words) },
      { name: 'b', pack: (bytes) => packQuads(rightLines(args, c, refs, bytes), words) },
    ],
    leaf: (shard, slot) => tileBytes(slot, c.tile_columns, tileOf(c, placeOf(c, shard).tile)),
  }
  return [
    {
      ...shared,
      kernel: `${kernel}.dp4a`,
      needs: 'packed_4x8_integer_dot_product',
      invocations: rowBlocks * columnBlocks,
    },
    { ...shared, kernel: `${kernel}.f32`, invocations: rowBlocks * Math.ceil(columnBlocks / 2) },
  ]
}

/**
 * One vec4 for each block of four lines and word of the inner dimension: component l holds the word of line l. Lines and
 * bytes beyond the matrix are zero.
 */
function packQuads(products: readonly Lines[], words: number): Uint32Array {
  const size = Math.ceil((products[0]?.lines ?? 0) / BLOCK) * BLOCK * words
  const packed = new Uint32Array(products.length * size)
  for (const [i, { elements, lines, depth, line_stride, depth_stride }] of products.entries()) {
    for (let line = 0; line < lines; line++) {
      const base = i * size + (line >> 2) * words * BLOCK + (line & 3)
      for (let k = 0, from = line * line_stride; k < depth; k++, from += depth_stride) {
        const to = base + (k >> 2) * BLOCK
        packed[to] = (packed[to] as number) | (((elements[from] as number) & 0xff) << (8 * (k & 3)))
      }
    }
  }
  return packed
}
