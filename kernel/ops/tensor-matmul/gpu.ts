import type { InputRefs } from '../../contract.ts'
import type { GpuProgram, Plan } from '../op.ts'
import { tileBytes, tileCount, tileOf, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { matmulVariants, packBatch, packColumnBlocks, packRowBlocks } from './device-variants.ts'
import { leftOperand, rightOperand } from './slices.ts'
import { BLOCK, type MatmulConstants, placeOf } from './tiles.ts'

/** int8 elements in one u32 word; they lie along the inner dimension, the lowest byte first. */
const LANES = 4

/**
 * Drives shaders/tensor/matmul.v1.wgsl: an invocation computes a 4 x 4 block of its tile, so it runs depth / 4 <= 32,768
 * iterations, below the 65,535 after which one driver stops.
 */
export function matmulProgram(
  args: MatmulArgs,
  plan: Plan<MatmulConstants>,
  refs: InputRefs,
  kernel: string,
): GpuProgram {
  const c = plan.constants
  const rowBlocks = Math.ceil(c.rows / BLOCK)
  const columnBlocks = Math.ceil(c.columns / BLOCK)
  return {
    kernel,
    tables: [],
    words: Uint32Array.of(
      Math.ceil(c.depth / LANES),
      rowBlocks,
      columnBlocks,
      tilesAcross(c),
      c.tile_rows / BLOCK,
      c.tile_columns / BLOCK,
      tileCount(c),
    ),
    invocations: (c.tile_rows / BLOCK) * (c.tile_columns / BLOCK),
    slot_words: c.tile_rows * c.tile_columns,
    inputs: [
      { name: 'a', pack: (bytes) => packBatch(leftOperand(args, c, refs, bytes), c, packRowBlocks) },
      { name: 'b', pack: (bytes) => packBatch(rightOperand(args, c, refs, bytes), c, packColumnBlocks) },
    ],
    variants: matmulVariants(args, plan, refs, kernel),
    leaf: (shard, slot) => tileBytes(slot, c.tile_columns, tileOf(c, placeOf(c, shard).tile)),
  }
}
