import { inputRef, operandBytes } from '../operand.ts'
import { referenceFor } from '../reference.test-support.ts'
import { type Tile, tileOf } from '../tile-grid.ts'
import type { FilterArgs } from './args.ts'
import { filterSpec } from './index.ts'
import { amountOf, columnEntry, type FilterConstants, PIXEL_BYTES, rowEntry } from './plan.ts'

/** A place along an axis, or the nearest one inside. */
const inside = (place: number, size: number): number => Math.min(Math.max(place, 0), size - 1)

/** floor(sqrt(n)) for n < 2^22: Math.sqrt is correctly rounded, and exact for squares. */
const squareRoot = (n: number): number => Math.floor(Math.sqrt(n))

/** Sobel's gradient of one channel. @param at the channel's value at an offset of rows and columns */
function gradient(at: (row: number, column: number) => number): number {
  const gx = at(-1, 1) + 2 * at(0, 1) + at(1, 1) - at(-1, -1) - 2 * at(0, -1) - at(1, -1)
  const gy = at(1, -1) + 2 * at(1, 0) + at(1, 1) - at(-1, -1) - 2 * at(-1, 0) - at(-1, 1)
  return Math.min(255, squareRoot(gx * gx + gy * gy))
}

function edges(c: FilterConstants, image: Uint8Array, tile: Tile, out: Uint8Array): void {
  const byte = (row: number, column: number, channel: number) =>
    image[
      (inside(row, c.source_rows) * c.source_columns + inside(column, c.source_columns)) * PIXEL_BYTES +
        channel
    ] as number
  let at = 0
  for (let row = tile.row; row < tile.row + tile.rows; row++) {
    for (let column = tile.column; column < tile.column + tile.columns; column++) {
      for (let channel = 0; channel < 3; channel++)
        out[at++] = gradient((down, across) => byte(row + down, column + across, channel))
      out[at++] = byte(row, column, 3)
    }
  }
}

/** The tile's pixels, RGBA. The formulas stand in shaders/media/filter.v1.wgsl. */
export function filterTile(
  args: FilterArgs,
  c: FilterConstants,
  image: Uint8Array,
  shard: number,
): Uint8Array {
  const tile = tileOf(c, shard)
  const out = new Uint8Array(tile.rows * tile.columns * PIXEL_BYTES)
  if (args.filter === 'edge') {
    edges(c, image, tile, out)
    return out
  }
  const pitch = tile.columns * PIXEL_BYTES
  const top = rowEntry(args, c, tile.row).first
  // Rows of the halo, resampled across: 8.8 bits.
  const across = new Uint16Array(c.span_rows * pitch)
  for (let column = 0; column < tile.columns; column++) {
    const { first, weights } = columnEntry(args, c, tile.column + column)
    const places = weights.map((_, t) => inside(first + t, c.source_columns) * PIXEL_BYTES)
    for (let line = 0; line < c.span_rows; line++) {
      const base = inside(top + line, c.source_rows) * c.source_columns * PIXEL_BYTES
      for (let channel = 0; channel < PIXEL_BYTES; channel++) {
        let sum = 64
        for (let t = 0; t < weights.length; t++)
          sum += (weights[t] as number) * (image[base + (places[t] as number) + channel] as number)
        across[line * pitch + column * PIXEL_BYTES + channel] = sum >> 7
      }
    }
  }
  const amount = amountOf(args)
  for (let row = 0; row < tile.rows; row++) {
    const { first, weights } = rowEntry(args, c, tile.row + row)
    const source = ((tile.row + row) * c.source_columns + tile.column) * PIXEL_BYTES
    for (let i = 0; i < pitch; i++) {
      let sum = 0
      for (let t = 0, at = (first - top) * pitch + i; t < weights.length; t++, at += pitch)
        sum += (weights[t] as number) * (across[at] as number)
      if (args.filter !== 'sharpen') out[row * pitch + i] = (sum + 0x400000) >> 23
      else {
        const from = image[source + i] as number
        const blurred = (sum + 0x4000) >> 15
        const value = (from * 65_536 + (from * 256 - blurred) * amount + 32_768) >> 16
        out[row * pitch + i] = (i & 3) === 3 ? from : Math.min(255, Math.max(0, value))
      }
    }
  }
  return out
}

export const reference = referenceFor(filterSpec, ({ args, plan, inputRefs, inputs }, shard) =>
  filterTile(
    args,
    plan.constants,
    operandBytes('image', inputRef(inputRefs, 'image'), inputs.get('image')),
    shard,
  ),
)
