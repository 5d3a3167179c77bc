import { invariant } from '../errors.ts'

/**
 * A matrix or picture cut into tiles in row-major order, one shard a tile, whose sides are powers of two. Tiles at the
 * right and lower edge are shorter.
 */
export interface TileGrid {
  readonly rows: number
  readonly columns: number
  readonly tile_rows: number
  readonly tile_columns: number
}

export interface Tile {
  /** First row and column in the whole. */
  readonly row: number
  readonly column: number
  readonly rows: number
  readonly columns: number
}

/** The least e with 2^e >= n, for 1 <= n <= 2^31. */
export function log2Ceil(n: number): number {
  return n <= 1 ? 0 : 32 - Math.clz32(n - 1)
}

/**
 * Tiles of at most 2^areaLog2 elements. They are square, or twice as wide as high, except where the whole is thinner
 * than that: there they grow along its long side.
 * @param sideLog2 the least side, as a power of two
 */
export function tileShape(
  rows: number,
  columns: number,
  areaLog2: number,
  sideLog2: number,
): Pick<TileGrid, 'tile_rows' | 'tile_columns'> {
  const rowsLog2 = Math.max(sideLog2, log2Ceil(rows))
  const columnsLog2 = Math.max(sideLog2, log2Ceil(columns))
  const tileColumnsLog2 = Math.min(columnsLog2, Math.max(areaLog2 - (areaLog2 >> 1), areaLog2 - rowsLog2))
  return {
    tile_rows: 2 ** Math.min(rowsLog2, areaLog2 - tileColumnsLog2),
    tile_columns: 2 ** tileColumnsLog2,
  }
}

export function tilesAcross(grid: TileGrid): number {
  return Math.ceil(grid.columns / grid.tile_columns)
}

export function tileCount(grid: TileGrid): number {
  return tilesAcross(grid) * Math.ceil(grid.rows / grid.tile_rows)
}

/** Elements of the largest tile that the grid has. */
export function largestTile(grid: TileGrid): number {
  return Math.min(grid.rows, grid.tile_rows) * Math.min(grid.columns, grid.tile_columns)
}

export function tileOf(grid: TileGrid, shard: number): Tile {
  const across = tilesAcross(grid)
  const row = Math.floor(shard / across) * grid.tile_rows
  const column = (shard % across) * grid.tile_columns
  invariant(shard >= 0 && row < grid.rows, `shard ${shard} is not in the plan`)
  return {
    row,
    column,
    rows: Math.min(grid.tile_rows, grid.rows - row),
    columns: Math.min(grid.tile_columns, grid.columns - column),
  }
}

/**
 * Writes a tile's bytes into its place in the whole. Tiles do not overlap, so their order does not matter.
 * @param elementBytes bytes of one element
 */
export function placeTile(
  whole: Uint8Array,
  grid: TileGrid,
  shard: number,
  leaf: Uint8Array,
  elementBytes: number,
): void {
  const tile = tileOf(grid, shard)
  const width = tile.columns * elementBytes
  for (let row = 0; row < tile.rows; row++) {
    const to = ((tile.row + row) * grid.columns + tile.column) * elementBytes
    whole.set(leaf.subarray(row * width, (row + 1) * width), to)
  }
}

/** The tile's part of a row-major array of words, as bytes. @param stride words from one row to the next */
export function tileBytes(words: Int32Array | Uint32Array, stride: number, tile: Tile): Uint8Array {
  const bytes = new Uint8Array(tile.rows * tile.columns * 4)
  const own = new Uint32Array(bytes.buffer)
  for (let row = 0; row < tile.rows; row++)
    own.set(words.subarray(row * stride, row * stride + tile.columns), row * tile.columns)
  return littleEndian(bytes)
}

/** Words as this machine holds them, made little-endian in place. */
function littleEndian(words: Uint8Array): Uint8Array {
  if (new Uint8Array(Uint32Array.of(1).buffer)[0] === 1) return words
  const view = new DataView(words.buffer, words.byteOffset, words.length)
  for (let at = 0; at < words.length; at += 4) view.setUint32(at, view.getUint32(at), true)
  return words
}
