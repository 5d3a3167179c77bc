import { bytesToWords } from '../../numerics/words.ts'
import { freivaldsMiss, wrongRow } from '../../verification/freivalds.ts'
import { randomM61 } from '../../verification/m61.ts'
import type { AlgebraicCheck } from '../op.ts'
import { largestTile, tileOf } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { int8Operands } from './slices.ts'
import { type MatmulConstants, placeOf } from './tiles.ts'

/**
 * Freivalds' check of one tile, on the exact int32 sums before anything is rounded: larger elements are products of int8
 * digits too (slices.ts), so it holds for every dtype.
 */
export const matmulCheck: AlgebraicCheck<MatmulArgs, MatmulConstants> = {
  // Of the widest tile.
  miss: ({ constants: c }) => freivaldsMiss(Math.min(c.tile_columns, c.columns)),
  check({ args, plan, inputRefs }, inputs, shard, leaf, secret) {
    const c = plan.constants
    const place = placeOf(c, shard)
    const tile = tileOf(c, place.tile)
    const expected = 4 * tile.rows * tile.columns
    if (leaf.length !== expected || expected > 4 * largestTile(c))
      return `a tile of ${leaf.length} bytes instead of ${expected}`
    const { a, b } = int8Operands(args, c, inputRefs, inputs)
    const row = wrongRow(
      { rows: tile.rows, depth: c.depth, columns: tile.columns },
      { elements: a, first: (place.product * c.rows + tile.row) * c.depth, stride: c.depth },
      { elements: b, first: place.product * c.depth * c.columns + tile.column, stride: c.columns },
      Int32Array.from(bytesToWords(leaf)),
      randomM61(secret),
    )
    return row === undefined ? undefined : `row ${tile.row + row} is not that of the product`
  },
}
