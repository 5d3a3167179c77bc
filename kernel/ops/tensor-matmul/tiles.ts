import type { InputRefs } from '../../contract.ts'
import { ForgeError, invariant } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { inputRef } from '../operand.ts'
import { largestTile, log2Ceil, tileCount, tileShape, tilesAcross } from '../tile-grid.ts'
import type { MatmulArgs } from './args.ts'

/** How C = A B is cut: tiles of C, one shard a tile. */

/** A product A [rows, depth] times B [depth, columns]; a tile has up to tile_rows x tile_columns elements. */
export type MatmulConstants = {
  readonly rows: number
  readonly depth: number
  readonly columns: number
  readonly tile_rows: number
  readonly tile_columns: number
  /** Products, where there are several: their shards follow one another. */
  readonly batch?: number
  /** Where elements are larger than int8, what they are: C is int64. operands.ts says what else it contains. */
  readonly wide?: Wide
}

export type Wide = {
  /** The sides of the product that was asked for. */
  readonly rows: number
  readonly depth: number
  readonly columns: number
  readonly dtype: 'int16' | 'float32'
  /** Of an element, the sign included, of float32 once it is rounded to an integer. */
  readonly bits: 16 | 24
  /** The 16-bit numbers that an element is of: element = digit 0 + digit 1 * 2^digit_bits. |digit of A * digit of B| <= 2^22. */
  readonly a_digits: number
  readonly b_digits: number
  readonly digit_bits: number
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

export function isFloat({ dtype }: Wide): boolean {
  return dtype === 'float32'
}

/** |C_ij| <= depth * 2^14 stays below 2^31 up to here (NUMERICS: the i32 total is exact). */
export const DEPTH_MAX = 131_071
/** (-128) * (-128) and (-128) * 127: the ends of the range of one product. */
export const PRODUCT_MAX = 16_384
export const PRODUCT_MIN = -16_256
/** The least sides of a tile. */
const BLOCK_LOG2 = 2
export const BLOCK = 2 ** BLOCK_LOG2
/** Columns of B that are packed side by side, and computed by neighbours. */
export const PANEL = 8

/** Loop iterations of an invocation, of which a driver is known to stop after 65,535. */
const ITERATIONS_MAX = 32_768
/** Products along the depth whose sum stays in 32 bits where |product| <= 2^22, in pairs, an even number of them. */
const WIDE_RUN_PAIRS = 254
/** Pairs of an iteration. */
export const STEP_PAIRS = 8

/** Multiply-adds of a full tile: about 0.02 s of one CPU core, and one short dispatch of a slow GPU. */
const TILE_WORK_LOG2 = 26
/** 65,536 elements of int32: a leaf is at most 256 KiB. */
const TILE_AREA_LOG2_MAX = 16

/** Bytes of an element of C. */
export function outputBytes({ wide }: Pick<MatmulConstants, 'wide'>): 4 | 8 {
  return wide === undefined ? 4 : 8
}

/** Products of digits in the product of two elements. */
function digitProducts({ wide }: Pick<MatmulConstants, 'wide'>): number {
  return wide === undefined ? 1 : wide.a_digits * wide.b_digits
}

/** How the depth is cut. */
export interface Runs {
  readonly runs: number
  /** Pairs of a run, an even number: their sums stay in 32 bits. */
  readonly run_pairs: number
  /** Steps of eight pairs in a run. */
  readonly run_steps: number
}

export function runsOf({ depth, wide }: Pick<MatmulConstants, 'depth' | 'wide'>): Runs {
  const quads = Math.ceil(depth / 4)
  const runs = wide === undefined ? 1 : Math.ceil(quads / (WIDE_RUN_PAIRS / 2))
  const run_pairs = 2 * Math.ceil(quads / runs)
  return { runs, run_pairs, run_steps: Math.ceil(run_pairs / STEP_PAIRS) }
}

/** As the kernel counts them. */
function iterationsOf(c: Pick<MatmulConstants, 'depth' | 'wide'>): number {
  const { runs, run_steps } = runsOf(c)
  const { a_digits, b_digits } = c.wide ?? { a_digits: 1, b_digits: 1 }
  return a_digits * (1 + b_digits * (1 + runs * (1 + run_steps)))
}

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

/** How larger elements are cut. @throws ForgeError INPUT_INVALID for dtypes that do not go together, ARGS_OUT_OF_RANGE for bits of integers */
function digitsOf(args: MatmulArgs, inputs: InputRefs): Omit<Wide, 'rows' | 'depth' | 'columns'> | undefined {
  const [a, b] = [inputRef(inputs, 'a').dtype, inputRef(inputs, 'b').dtype]
  if ((a === 'float32') !== (b === 'float32')) {
    throw new ForgeError('INPUT_INVALID', `a has ${a}, b has ${b}`, {
      path: 'inputs.b.dtype',
      hint: 'Multiply integers by integers, or float32 by float32.',
    })
  }
  if (a === 'float32') {
    return args.bits === 24
      ? { dtype: a, bits: 24, a_digits: 2, b_digits: 2, digit_bits: 12 }
      : { dtype: a, bits: 16, a_digits: 1, b_digits: 2, digit_bits: 8 }
  }
  if (args.bits !== undefined) {
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'bits are for float32 operands; integers are exact', {
      path: 'args.bits',
      hint: 'Leave bits out.',
    })
  }
  if (a !== 'int16' && b !== 'int16') return undefined
  return { dtype: 'int16', bits: 16, a_digits: 1, b_digits: a === b ? 2 : 1, digit_bits: 8 }
}

/** The sides of the product that is computed: of floats with their exponents. */
function contained(
  rows: number,
  depth: number,
  columns: number,
  digits: Omit<Wide, 'rows' | 'depth' | 'columns'>,
) {
  const extra = digits.dtype === 'float32' ? 1 : 0
  return {
    rows: rows + extra,
    depth: depth + 2 * extra,
    columns: columns + extra,
    wide: { rows, depth, columns, ...digits },
  }
}

/**
 * Tiles of about 2^26 multiply-adds and at most 256 KiB.
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
  const digits = digitsOf(args, inputs)
  const sides: Pick<MatmulConstants, 'rows' | 'depth' | 'columns' | 'wide'> =
    digits === undefined
      ? { rows: outRows, depth: inner, columns: outColumns }
      : contained(outRows, inner, outColumns, digits)
  const { rows, depth, columns } = sides
  const elementBytes = Math.ceil((digits?.bits ?? 8) / 8)
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
  if (iterationsOf(sides) > ITERATIONS_MAX) {
    throw new ForgeError('INPUT_INVALID', `a depth of ${depth} is too much for ${digits?.bits} bits`, {
      path: 'inputs.a.shape',
      hint: 'Cut the inner dimension into parts and add the products.',
    })
  }
  if (batch * rows * depth * elementBytes > LIMITS.blob_bytes)
    throw tooLarge('a', `A has ${rows} x ${depth} x ${elementBytes} bytes; the limit is ${LIMITS.blob_bytes}`)
  if (batch * depth * columns * elementBytes > LIMITS.blob_bytes)
    throw tooLarge(
      'b',
      `B has ${depth} x ${columns} x ${elementBytes} bytes; the limit is ${LIMITS.blob_bytes}`,
    )
  if (batch * rows * columns * outputBytes(sides) > LIMITS.blob_bytes) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the product is ${batch * rows} x ${columns} int${8 * outputBytes(sides)}; the limit is ${LIMITS.blob_bytes} bytes`,
      {
        path: 'inputs.b.shape',
        hint: 'Cut B into groups of columns, or A into groups of rows, and send one contract for each.',
      },
    )
  }
  const area = Math.min(
    digits === undefined ? TILE_AREA_LOG2_MAX : TILE_AREA_LOG2_MAX - 1,
    TILE_WORK_LOG2 - log2Ceil(depth * digitProducts(sides)),
  )
  const constants: MatmulConstants = {
    ...sides,
    ...tileShape(rows, columns, area, BLOCK_LOG2),
    ...(batch > 1 ? { batch } : {}),
  }
  return {
    shard_count: batch * tileCount(constants),
    work_units: batch * workUnits(constants),
    leaf: { kind: 'blob', max_bytes: largestTile(constants) * outputBytes(constants) },
    constants,
  }
}

/** Microseconds of one core of the reference: multiply-adds, packing of the operands of each tile, writing and hashing. */
function workUnits(constants: MatmulConstants): number {
  const { rows, depth, columns } = constants
  const across = tilesAcross(constants)
  const down = Math.ceil(rows / constants.tile_rows)
  const multiplyAdds = rows * columns * depth * digitProducts(constants)
  const packed = rows * depth * across + columns * depth * down
  return Math.ceil(multiplyAdds / 4096) + Math.ceil(packed / 512) + Math.ceil((rows * columns) / 64)
}
