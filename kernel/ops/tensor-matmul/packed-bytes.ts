import type { InputRefs } from '../../contract.ts'
import type { GpuProgram } from '../op.ts'
import { tileBytes, tileCount, tileOf, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { type Lines, leftLines, rightLines } from './operands.ts'
import { BLOCK, type MatmulConstants, placeOf } from './tiles.ts'

/** int8 elements in one u32 word; they lie along the inner dimension, the lowest byte first. */
const LANES = 4

/**
 * The product of int8 as shaders/tensor/matmul.v1.dp4a.wgsl takes it, for devices that multiply four packed bytes at once:
 * an invocation computes a 4 x 4 block of its tile in depth / 4 <= 32,768 iterations.
 */
export function bytesProgram(
  args: MatmulArgs,
  c: MatmulConstants,
  refs: InputRefs,
  kernel: string,
): GpuProgram {
  const words = Math.ceil(c.depth / LANES)
  return {
    kernel,
    tables: [],
    words: Uint32Array.of(
      words,
      Math.ceil(c.rows / BLOCK),
      Math.ceil(c.columns / BLOCK),
      tilesAcross(c),
      c.tile_rows / BLOCK,
      c.tile_columns / BLOCK,
      tileCount(c),
    ),
    invocations: (c.tile_rows / BLOCK) * (c.tile_columns / BLOCK),
    slot_words: c.tile_rows * c.tile_columns,
    inputs: [
      { name: 'a', pack: (bytes) => packQuads(leftLines(args, c, refs, bytes), words) },
      { name: 'b', pack: (bytes) => packQuads(rightLines(args, c, refs, bytes), words) },
    ],
    leaf: (shard, slot) => tileBytes(slot, c.tile_columns, tileOf(c, placeOf(c, shard).tile)),
  }
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
