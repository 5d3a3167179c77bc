import type { InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { inputRef } from '../operand.ts'
import { largestTile, log2Ceil, tileCount } from '../tile-grid.ts'
import { type FilterArgs, SIDE_MAX } from './args.ts'
import { type AxisEntry, gaussian, linearEntry, linearTaps, ONE, symmetricEntry } from './weights.ts'

export type FilterConstants = {
  readonly rows: number
  readonly columns: number
  readonly tile_rows: number
  readonly tile_columns: number
  readonly source_rows: number
  readonly source_columns: number
  readonly x_taps: number
  readonly y_taps: number
  /** Source rows that a tile needs at most: its own and its halo. */
  readonly span_rows: number
  /** Gaussian weights from the centre outwards, Q15; none for other filters. */
  readonly weights: readonly number[]
}

export type FilterPlan = Plan<FilterConstants>

export const PIXEL_BYTES = 4
/** Source pixels along a side for one of the result: 129 taps. */
const SHRINK_MAX = 64
const TILE_COLUMNS_MAX = 128
const TILE_ROWS_MAX = 256
/** Tap-pixels of a tile: some 0.03 s of one core. */
const TILE_WORK = 2 ** 21
/** Tap-pixels of the reference per work unit, that is, per microsecond. */
const TAPS_PER_UNIT = 48
/** The eight neighbours of an edge, and its square roots. */
const EDGE_TAPS = 24

/** @throws ForgeError INPUT_INVALID for what is no RGBA picture of a possible size, ARGS_OUT_OF_RANGE for a size beyond reach */
export function planFilter(args: FilterArgs, inputs: InputRefs): FilterPlan {
  const [source_rows, source_columns, channels] = inputRef(inputs, 'image').shape as [number, number, number]
  if (channels !== 4 || source_rows > SIDE_MAX || source_columns > SIDE_MAX) {
    throw new ForgeError(
      'INPUT_INVALID',
      `a picture of shape [${source_rows}, ${source_columns}, ${channels}]`,
      {
        path: 'inputs.image.shape',
        hint: `Give RGBA pixels: [rows, columns, 4], at most ${SIDE_MAX} of either.`,
      },
    )
  }
  const resize = args.filter === 'resize'
  const [rows, columns] = resize ? [args.height, args.width] : [source_rows, source_columns]
  for (const [path, from, to] of [
    ['args.width', source_columns, columns] as const,
    ['args.height', source_rows, rows] as const,
  ]) {
    if (from > to * SHRINK_MAX)
      throw new ForgeError(
        'ARGS_OUT_OF_RANGE',
        `from ${from} to ${to} pixels is more than ${SHRINK_MAX} to one`,
        {
          path,
          hint: `Resize in two steps, or to at least ${Math.ceil(from / SHRINK_MAX)} pixels.`,
        },
      )
  }
  if (rows * columns * PIXEL_BYTES > LIMITS.blob_bytes) {
    throw new ForgeError('ARGS_OUT_OF_RANGE', `a picture of ${columns} x ${rows} pixels exceeds 64 MiB`, {
      path: 'args.width',
      hint: `Ask for at most ${LIMITS.blob_bytes / PIXEL_BYTES} pixels.`,
    })
  }
  const weights = args.filter === 'blur' || args.filter === 'sharpen' ? gaussian(args.sigma) : []
  const taps = (from: number, to: number) =>
    resize ? linearTaps(from, to) : Math.max(1, 2 * weights.length - 1)
  const [x_taps, y_taps] = [taps(source_columns, columns), taps(source_rows, rows)]
  const tile_columns = Math.min(TILE_COLUMNS_MAX, Math.max(4, 2 ** log2Ceil(columns)))
  // From a row to the next the first source row grows by at most rows' ratio, rounded up.
  const span = (tile_rows: number) => Math.ceil(((tile_rows - 1) * source_rows) / rows) + y_taps
  const tileWork = (tile_rows: number) =>
    tile_columns *
    (args.filter === 'edge' ? tile_rows * EDGE_TAPS : span(tile_rows) * x_taps + tile_rows * y_taps)
  let tile_rows = Math.min(TILE_ROWS_MAX, 2 ** log2Ceil(rows))
  while (tile_rows > 1 && tileWork(tile_rows) > TILE_WORK) tile_rows /= 2
  const grid = { rows, columns, tile_rows, tile_columns }
  return {
    shard_count: tileCount(grid),
    work_units: Math.ceil((tileCount(grid) * tileWork(tile_rows)) / TAPS_PER_UNIT),
    leaf: { kind: 'blob', max_bytes: largestTile(grid) * PIXEL_BYTES },
    constants: { ...grid, source_rows, source_columns, x_taps, y_taps, span_rows: span(tile_rows), weights },
  }
}

/** The source pixels of a column of the result. */
export function columnEntry(args: FilterArgs, c: FilterConstants, column: number): AxisEntry {
  return entryOf(args, c, c.source_columns, c.columns, column)
}

/** The source pixels of a row of the result. */
export function rowEntry(args: FilterArgs, c: FilterConstants, row: number): AxisEntry {
  return entryOf(args, c, c.source_rows, c.rows, row)
}

function entryOf(args: FilterArgs, c: FilterConstants, from: number, to: number, i: number): AxisEntry {
  if (args.filter === 'resize') return linearEntry(from, to, i)
  return c.weights.length === 0 ? { first: i, weights: [ONE] } : symmetricEntry(c.weights, i)
}

/** Q8. */
export function amountOf({ amount }: FilterArgs): number {
  return Math.floor(amount * 256 + 0.5)
}
