import { fitsField, freivaldsMiss, wrongRow } from '../../verification/freivalds.ts'
import { randomM61 } from '../../verification/m61.ts'
import type { AlgebraicCheck, InputBytes } from '../op.ts'
import { tileOf } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'
import { type Lines, leftLines, rightLines } from './operands.ts'
import { type MatmulConstants, outputBytes, placeOf } from './tiles.ts'

/** Freivalds' check of one tile, on the exact sums before anything is rounded, so that it holds for every dtype. */
export const matmulCheck: AlgebraicCheck<MatmulArgs, MatmulConstants> = {
  holds: ({ constants: c }) => fitsField({ depth: c.depth, operand_bits: operandBits(c) }),
  // Of the widest tile.
  miss: ({ constants: c }) => freivaldsMiss(Math.min(c.tile_columns, c.columns)),
  check({ args, plan, inputRefs }, inputs, shard, leaf, secret) {
    const c = plan.constants
    const place = placeOf(c, shard)
    const tile = tileOf(c, place.tile)
    const expected = outputBytes(c) * tile.rows * tile.columns
    if (leaf.length !== expected) return `a tile of ${leaf.length} bytes instead of ${expected}`
    const { a, b } = linesOf(inputs, plan, () => ({
      a: leftLines(args, c, inputRefs, inputs.get('a')),
      b: rightLines(args, c, inputRefs, inputs.get('b')),
    }))
    const shape = { rows: tile.rows, depth: c.depth, columns: tile.columns, operand_bits: operandBits(c) }
    const [left, right] = [part(a[place.product], tile.row), part(b[place.product], tile.column)]
    const row = wrongRow(shape, left, right, leaf, randomM61(secret))
    return row === undefined ? undefined : `row ${tile.row + row} is not that of the product`
  },
}

function operandBits({ wide }: MatmulConstants): number {
  return wide === undefined ? 7 : wide.bits - 1
}

function part(lines: Lines | undefined, first: number) {
  if (lines === undefined) throw new RangeError('a product of the batch')
  return { ...lines, first: first * lines.line_stride }
}

interface Operands {
  readonly a: readonly Lines[]
  readonly b: readonly Lines[]
}

/** Operands by the bytes they came from: many tiles of the same job are checked. */
const converted = new WeakMap<InputBytes, { readonly plan: object; readonly operands: Operands }>()

function linesOf(inputs: InputBytes, plan: object, convert: () => Operands): Operands {
  const known = converted.get(inputs)
  if (known?.plan === plan) return known.operands
  const operands = convert()
  converted.set(inputs, { plan, operands })
  return operands
}
