import type { InputRefs } from '../../contract.ts'
import { ForgeError, invariant } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { largestTile, log2Ceil, tileCount, tileShape, tilesAcross } from '../tile-grid.ts'

/** How C = A B is cut: tiles of C, one shard a tile. */

/** A [rows, depth] times B [depth, columns]; a tile has up to tile_rows x tile_columns elements. */
export type MatmulConstants = {
  readonly rows: number
  readonly depth: number
  readonly columns: number
  readonly tile_rows: number
  readonly tile_columns: number
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

function shapeOf(inputs: InputRefs, name: 'a' | 'b'): readonly [number, number] {
  const [rows, columns, ...more] = inputs[name]?.shape ?? []
  invariant(rows !== undefined && columns !== undefined && more.length === 0, `input ${name} has rank 2`)
  if (rows * columns > LIMITS.blob_bytes) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the input "${name}" has ${rows} x ${columns} bytes; the limit is ${LIMITS.blob_bytes}`,
      {
        path: `inputs.${name}.shape`,
        hint: 'Cut the product into blocks and send one contract for each.',
      },
    )
  }
  return [rows, columns]
}

/**
 * Tiles of about 2^26 multiply-adds and at most 2^16 elements.
 * @throws ForgeError INPUT_INVALID with the path of the shape that is wrong
 */
export function planTiles(inputs: InputRefs): Plan<MatmulConstants> {
  const [rows, depth] = shapeOf(inputs, 'a')
  const [depthOfB, columns] = shapeOf(inputs, 'b')
  if (depth !== depthOfB) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the shapes do not agree: a is ${rows} x ${depth}, b is ${depthOfB} x ${columns}`,
      {
        path: 'inputs.b.shape',
        hint: `B needs as many rows as A has columns: [${depth}, ${columns}].`,
      },
    )
  }
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
  if (rows * columns * BYTES_PER_OUTPUT > LIMITS.blob_bytes) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the product is ${rows} x ${columns} int32; the limit is ${LIMITS.blob_bytes} bytes`,
      {
        path: 'inputs.b.shape',
        hint: 'Cut B into groups of columns, or A into groups of rows, and send one contract for each.',
      },
    )
  }
  const area = Math.min(TILE_AREA_LOG2_MAX, TILE_WORK_LOG2 - log2Ceil(depth))
  const constants: MatmulConstants = { rows, depth, columns, ...tileShape(rows, columns, area, BLOCK_LOG2) }
  return {
    shard_count: tileCount(constants),
    work_units: workUnits(constants),
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

/**
 * An operand's elements.
 * @throws ForgeError INPUT_INVALID when the bytes are not as many as the shape says
 */
export function int8Operand(
  name: 'a' | 'b',
  bytes: Uint8Array | undefined,
  rows: number,
  columns: number,
): Int8Array {
  if (bytes === undefined)
    throw new ForgeError('INPUT_MISSING', `the bytes of the input "${name}" are missing`, {
      path: `inputs.${name}`,
    })
  if (bytes.length !== rows * columns) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the input "${name}" has ${bytes.length} bytes; its shape asks for ${rows * columns}`,
      {
        path: `inputs.${name}.shape`,
        hint: 'Give the shape of the bytes: rows, then columns, one byte an element.',
      },
    )
  }
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}
