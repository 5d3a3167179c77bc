import type { InputRefs } from '../../contract.ts'
import type { GpuProgram, Plan } from '../op.ts'
import { type Tile, tileBytes, tileCount, tileOf, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { leftRows, rightRows } from './operands.ts'
import { matmulVariants } from './packed-bytes.ts'
import { packPairs } from './packed-pairs.ts'
import { BLOCK, type MatmulConstants, PANEL, placeOf, runsOf } from './tiles.ts'

/** Lanes of a block: neighbouring invocations. */
const NEIGHBOURS = 4

/** Drives shaders/tensor/matmul.v1.wgsl: four neighbouring invocations compute a block of 4 x 8 elements of a tile. */
export function matmulProgram(
  args: MatmulArgs,
  plan: Plan<MatmulConstants>,
  refs: InputRefs,
  kernel: string,
): GpuProgram {
  const c = plan.constants
  const cut = runsOf(c)
  const { a_digits, b_digits, digit_bits } = c.wide ?? { a_digits: 1, b_digits: 1, digit_bits: 0 }
  const tileRowBlocks = c.tile_rows / BLOCK
  const tilePanels = Math.ceil(c.tile_columns / PANEL)
  const area = c.tile_rows * tilePanels * PANEL
  return {
    kernel,
    tables: [],
    words: Uint32Array.of(
      Math.ceil(c.rows / BLOCK),
      Math.ceil(c.columns / PANEL),
      tilesAcross(c),
      tileRowBlocks,
      tilePanels,
      tileCount(c),
      cut.runs,
      cut.run_pairs,
      cut.run_steps,
      a_digits,
      b_digits,
      digit_bits,
      c.wide === undefined ? 0 : 1,
    ),
    invocations: NEIGHBOURS * tileRowBlocks * tilePanels,
    slot_words: c.wide === undefined ? area : 2 * area,
    inputs: [
      {
        name: 'a',
        pack: (bytes) => packPairs(leftRows(args, c, refs, bytes), BLOCK, cut, a_digits, digit_bits),
      },
      {
        name: 'b',
        pack: (bytes) => packPairs(rightRows(args, c, refs, bytes), PANEL, cut, b_digits, digit_bits),
      },
    ],
    leaf: (shard, slot) => {
      const tile = tileOf(c, placeOf(c, shard).tile)
      const stride = tilePanels * PANEL
      return c.wide === undefined
        ? tileBytes(slot, stride, tile)
        : wideTileBytes(slot.subarray(0, area), slot.subarray(area), stride, tile)
    },
    ...(c.wide === undefined ? { variants: matmulVariants(args, c, refs, kernel) } : {}),
  }
}

/** The tile's part of row-major arrays of low and of high words, as int64. @param stride words from one row to the next */
function wideTileBytes(low: Uint32Array, high: Uint32Array, stride: number, tile: Tile): Uint8Array {
  const width = 2 * tile.columns
  const words = new Uint32Array(tile.rows * width)
  for (let row = 0, to = 0; row < tile.rows; row++) {
    const from = row * stride
    for (let column = 0; column < tile.columns; column++, to += 2) {
      words[to] = low[from + column] as number
      words[to + 1] = high[from + column] as number
    }
  }
  return tileBytes(words, width, { ...tile, columns: width })
}
