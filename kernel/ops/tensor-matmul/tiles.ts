import type { InputRefs } from '../../contract.ts'
import { ForgeError, invariant } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { inputRef } from '../operand.ts'
import { largestTile, log2Ceil, tileCount, tileShape, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'

/** How C = A B is cut: tiles of C, one shard a tile. */

/** An int8 product A [rows, depth] times B [depth, columns]; a tile has up to tile_rows x tile_columns elements. */
export type MatmulConstants = {
  readonly rows: number
  readonly depth: number
  readonly columns: number
  readonly tile_rows: number
  readonly tile_columns: number
  /** Products, where there are several: their shards follow one another. */
  readonly batch?: number
  /** The product that was asked for, where that is one of larger elements: slices.ts says how it is contained. */
  readonly of?: Slicing
}

export type Slicing = {
  readonly rows: number
  readonly depth: number
  readonly columns: number
  /** int8 digits of an element. */
  readonly digits: number
  readonly dtype: 'int16' | 'float32'
}

export function slicing(constants: MatmulConstants): Slicing | undefined {
  return constants.of
}

export function batchOf({ batch }: MatmulConstants): number {
  return batch ?? 1
}

/** The product that a shard belongs to, and the shard's number within it. */
export function placeOf(constants: MatmulConstants, shard: number): { product: number; tile: number } {
  const tiles = tileCount(constants)
  const product = Math.floor(shard / tiles)
  invariant(product < batchOf(constants), `shard ${shard} is not in the plan`)
  return { product, tile: shard % tiles }
}

export function isFloat({ dtype }: Slicing): boolean {
  return dtype === 'float32'
}

/** |C_ij| <= depth * 2^14 stays below 2^31 up to here (NUMERICS: the i32 total is exact). */
export const DEPTH_MAX = 131_071
/** (-128) * (-128) and (-128) * 127: the ends of the range of one product. */
export const PRODUCT_MAX = 16_384
export const PRODUCT_MIN = -16_256
/** Outputs of one GPU invocation and of one inner loop on the CPU: BLOCK x BLOCK. */
const BLOCK_LOG2 = 2
export const BLOCK = 2 ** BLOCK_LOG2

/** Multiply-adds of a full tile: about 0.02 s of one CPU core, and one short dispatch of a slow GPU. */
const TILE_WORK_LOG2 = 26
/** 65,536 elements: a leaf is at most 256 KiB. */
const TILE_AREA_LOG2_MAX = 16

const BYTES_PER_OUTPUT = 4

/**
 * The sides of one A or B, as the product takes it.
 * @throws ForgeError INPUT_INVALID when it has too many elements, or its rows do not divide into a batch
 */
function shapeOf(
  inputs: InputRefs,
  name: 'a' | 'b',
  transposed: boolean,
  batch: number,
): readonly [number, number] {
  const [stacked, columns, ...more] = inputs[name]?.shape ?? []
  invariant(stacked !== undefined && columns !== undefined && more.length === 0, `input ${name} has rank 2`)
  const rows = stacked / batch
  if (!Number.isInteger(rows)) {
    throw new ForgeError('INPUT_INVALID', `${stacked} rows are not ${batch} matrices of as many`, {
      path: `inputs.${name}.shape`,
      hint: 'Put the matrices of a batch one below another.',
    })
  }
  if (stacked * columns > LIMITS.blob_bytes)
    throw tooLarge(
      name,
      `the input "${name}" has ${stacked} x ${columns} bytes; the limit is ${LIMITS.blob_bytes}`,
    )
  return transposed ? [columns, rows] : [rows, columns]
}

function tooLarge(name: 'a' | 'b', message: string): ForgeError {
  return new ForgeError('INPUT_INVALID', message, {
    path: `inputs.${name}.shape`,
    hint: 'Cut the product into blocks and send one contract for each.',
  })
}

/** How elements become int8. @throws ForgeError INPUT_INVALID for dtypes that do not go together, ARGS_OUT_OF_RANGE for bits of integers */
function sliceOf(args: MatmulArgs, inputs: InputRefs): Pick<Slicing, 'digits' | 'dtype'> | undefined {
  const [a, b] = [inputRef(inputs, 'a').dtype, inputRef(inputs, 'b').dtype]
  if ((a === 'float32') !== (b === 'float32')) {
    throw new ForgeError('INPUT_INVALID', `a has ${a}, b has ${b}`, {
      path: 'inputs.b.dtype',
      hint: 'Multiply integers by integers, or float32 by float32.',
    })
  }
  if (a === 'float32') return { digits: (args.bits ?? 16) / 8, dtype: a }
  if (args.bits !== undefined) {
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'bits are for float32 operands; integers are exact', {
      path: 'args.bits',
      hint: 'Leave bits out.',
    })
  }
  return a === 'int16' || b === 'int16' ? { digits: 2, dtype: 'int16' } : undefined
}

/** The sides of the int8 product: with ones for sums, and for floats the exponents. */
function contained(rows: number, depth: number, columns: number, slice: Pick<Slicing, 'digits' | 'dtype'>) {
  const extra = slice.dtype === 'float32' ? 1 : 0
  return {
    rows: slice.digits * rows + 1 + extra,
    depth: depth + 2 * extra,
    columns: slice.digits * columns + 1 + extra,
    of: { rows, depth, columns, ...slice },
  }
}

/**
 * Tiles of about 2^26 multiply-adds and at most 2^16 elements.
 * @throws ForgeError INPUT_INVALID with the path of what is wrong
 */
export function planTiles(args: MatmulArgs, inputs: InputRefs): Plan<MatmulConstants> {
  const batch = args.batch ?? 1
  const [outRows, inner] = shapeOf(inputs, 'a', args.transpose_a === true, batch)
  const [innerOfB, outColumns] = shapeOf(inputs, 'b', args.transpose_b === true, batch)
  if (inner !== innerOfB) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the shapes do not agree: a is ${outRows} x ${inner}, b is ${innerOfB} x ${outColumns}`,
      {
        path: 'inputs.b.shape',
        hint: `B needs as many rows as A has columns: [${inner}, ${outColumns}].`,
      },
    )
  }
  const slice = sliceOf(args, inputs)
  const sides =
    slice === undefined
      ? { rows: outRows, depth: inner, columns: outColumns }
      : contained(outRows, inner, outColumns, slice)
  const { rows, depth, columns } = sides
  if (depth > DEPTH_MAX) {
    throw new ForgeError(
      'INPUT_INVALID',
      `a sum of ${depth} products can leave 32 bits; the limit is ${DEPTH_MAX}`,
      {
        path: 'inputs.a.shape',
        hint: 'Cut the inner dimension into parts and add the products.',
      },
    )
  }
  if (batch * rows * depth > LIMITS.blob_bytes)
    throw tooLarge('a', `A has ${rows} x ${depth} digits; the limit is ${LIMITS.blob_bytes}`)
  if (batch * depth * columns > LIMITS.blob_bytes)
    throw tooLarge('b', `B has ${depth} x ${columns} digits; the limit is ${LIMITS.blob_bytes}`)
  if (batch * rows * columns * BYTES_PER_OUTPUT > LIMITS.blob_bytes) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the product is ${batch * rows} x ${columns} int32; the limit is ${LIMITS.blob_bytes} bytes`,
      {
        path: 'inputs.b.shape',
        hint: 'Cut B into groups of columns, or A into groups of rows, and send one contract for each.',
      },
    )
  }
  const area = Math.min(TILE_AREA_LOG2_MAX, TILE_WORK_LOG2 - log2Ceil(depth))
  const constants: MatmulConstants = {
    ...sides,
    ...tileShape(rows, columns, area, BLOCK_LOG2),
    ...(batch > 1 ? { batch } : {}),
  }
  return {
    shard_count: batch * tileCount(constants),
    work_units: batch * workUnits(constants),
    leaf: { kind: 'blob', max_bytes: largestTile(constants) * BYTES_PER_OUTPUT },
    constants,
  }
}

/** Microseconds of one core of the reference: multiply-adds, packing of the operands of each tile, writing and hashing. */
function workUnits(constants: MatmulConstants): number {
  const { rows, depth, columns } = constants
  const across = tilesAcross(constants)
  const down = Math.ceil(rows / constants.tile_rows)
  const multiplyAdds = rows * columns * depth
  const packed = rows * depth * across + columns * depth * down
  return Math.ceil(multiplyAdds / 4096) + Math.ceil(packed / 512) + Math.ceil((rows * columns) / 64)
}
