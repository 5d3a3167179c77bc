import type { InputRefs } from '../../contract.ts'
import type { GpuProgram, Plan } from '../op.ts'
import { type Tile, tileBytes, tileCount, tileOf, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { type Lines, leftLines, rightLines } from './operands.ts'
import { bytesProgram } from './packed-bytes.ts'
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
  const { runs, run_pairs } = runsOf(c)
  const pairs = runs * run_pairs
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
      runs,
      run_pairs,
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
        pack: (bytes) => packPairs(leftLines(args, c, refs, bytes), BLOCK, pairs, a_digits, digit_bits),
      },
      {
        name: 'b',
        pack: (bytes) => packPairs(rightLines(args, c, refs, bytes), PANEL, pairs, b_digits, digit_bits),
      },
    ],
    leaf: (shard, slot) => {
      const tile = tileOf(c, placeOf(c, shard).tile)
      const stride = tilePanels * PANEL
      return c.wide === undefined
        ? tileBytes(slot, stride, tile)
        : wideTileBytes(slot.subarray(0, area), slot.subarray(area), stride, tile)
    },
    ...(c.wide === undefined ? { dp4a: bytesProgram(args, c, refs, `${kernel}.dp4a`) } : {}),
  }
}

/** The tile's part of row-major arrays of low and of high words, as int64. @param stride words from one row to the next */
function wideTileBytes(low: Uint32Array, high: Uint32Array, stride: number, tile: Tile): Uint8Array {
  const bytes = new Uint8Array(tile.rows * tile.columns * 8)
  const view = new DataView(bytes.buffer)
  let to = 0
  for (let row = 0; row < tile.rows; row++) {
    const from = row * stride
    for (let column = 0; column < tile.columns; column++, to += 8) {
      view.setUint32(to, low[from + column] as number, true)
      view.setUint32(to + 4, high[from + column] as number, true)
    }
  }
  return bytes
}

/**
 * Lines in groups of `width`: for each product, digit, group and pair along the depth `width` words, the first of the pair
 * in the low half. Lines beyond the last, and pairs beyond the depth, are zero.
 */
function packPairs(
  products: readonly Lines[],
  width: number,
  pairs: number,
  digits: number,
  digitBits: number,
): Uint32Array {
  const groups = Math.ceil((products[0]?.lines ?? 0) / width)
  const size = groups * pairs * width
  const packed = new Uint32Array(products.length * digits * size)
  for (const [i, lines] of products.entries()) {
    for (let digit = 0; digit < digits; digit++) {
      const first = (i * digits + digit) * size
      packDigit(packed.subarray(first, first + size), lines, width, pairs, digits, digit, digitBits)
    }
  }
  return packed
}

function packDigit(
  out: Uint32Array,
  { elements, lines, depth, line_stride, depth_stride }: Lines,
  width: number,
  pairs: number,
  digits: number,
  digit: number,
  digitBits: number,
): void {
  // Digit 0 of two is what its bits say with a sign, digit 1 the rest.
  const up = digits === 2 && digit === 0 ? 32 - digitBits : 0
  const half = digit === 1 ? 2 ** (digitBits - 1) : 0
  const down = digit === 1 ? digitBits : 0
  const digitAt = (from: number) => ((((elements[from] as number) + half) << up) >> up) >> down
  const pairAt = (from: number, isWhole: boolean) =>
    (digitAt(from) & 0xffff) | (isWhole ? digitAt(from + depth_stride) << 16 : 0)
  const placeAt = (line: number) => Math.floor(line / width) * pairs * width + (line % width)
  const last = Math.ceil(depth / 2)
  // In the order of the elements, whichever side they lie along.
  if (line_stride === 1) {
    for (let pair = 0; pair < last; pair++) {
      const from = 2 * pair * depth_stride
      const isWhole = 2 * pair + 1 < depth
      for (let line = 0; line < lines; line++)
        out[placeAt(line) + pair * width] = pairAt(from + line, isWhole)
    }
    return
  }
  for (let line = 0; line < lines; line++) {
    const first = line * line_stride
    const to = placeAt(line)
    for (let pair = 0; pair < last; pair++)
      out[to + pair * width] = pairAt(first + 2 * pair * depth_stride, 2 * pair + 1 < depth)
  }
}
