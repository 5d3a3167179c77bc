import type { InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import type { Plan } from '../op.ts'
import { DTYPE_RANGE, inputRef, isInteger } from '../operand.ts'
import type { GemvArgs } from './args.ts'

/** y[rows] = op(A)[rows, depth] x[depth]. */
export type GemvConstants = {
  readonly rows: number
  readonly depth: number
  /** Rows of a shard, a multiple of 16; the last shard may have fewer. */
  readonly shard_rows: number
  /** The largest magnitude that a sum can have: depth times that of a product. Below 2^48. */
  readonly bound: number
}

export type GemvPlan = Plan<GemvConstants>

/** A loop of the kernel takes eight elements a turn and ends at 32,768. */
export const DEPTH_MAX = 262_144
/** A packed operand has two bytes an element: 64 MiB. */
const ELEMENTS_MAX = 2 ** 25
export const BLOCK_ROWS = 16
/** 4,096 bytes of 64-bit sums. */
const SHARD_ROWS_MAX = 512
/** Multiply-adds of a shard: some 0.02 s of one core. */
const SHARD_WORK = 2 ** 23
/** Multiply-adds of the reference per work unit, that is, per microsecond. */
const MULTIPLY_ADDS_PER_UNIT = 256
const SUM_BYTES = 8

/** @throws ForgeError INPUT_INVALID with the path of the shape that is wrong */
export function planGemv({ transpose }: GemvArgs, inputs: InputRefs): GemvPlan {
  const [a, x] = [inputRef(inputs, 'a'), inputRef(inputs, 'x')]
  const [down, across] = a.shape as [number, number]
  const [rows, depth] = transpose ? [across, down] : [down, across]
  const refuse = (input: string, message: string, hint: string): never => {
    throw new ForgeError('INPUT_INVALID', message, { path: `inputs.${input}.shape`, hint })
  }
  if (x.shape[0] !== depth)
    refuse(
      'x',
      `x has ${x.shape[0]} elements; the matrix asks for ${depth}`,
      `Give a vector of shape [${depth}].`,
    )
  if (depth > DEPTH_MAX)
    refuse(
      'a',
      `the depth is ${depth}; the limit is ${DEPTH_MAX}`,
      'Cut the depth into parts and add the results.',
    )
  if (rows * depth > ELEMENTS_MAX)
    refuse(
      'a',
      `the matrix has ${rows * depth} elements; the limit is ${ELEMENTS_MAX}`,
      'Cut its rows into parts.',
    )
  const wanted = Math.floor(SHARD_WORK / depth / BLOCK_ROWS) * BLOCK_ROWS
  const shard_rows = Math.min(
    SHARD_ROWS_MAX,
    Math.max(BLOCK_ROWS, wanted),
    Math.ceil(rows / BLOCK_ROWS) * BLOCK_ROWS,
  )
  return {
    shard_count: Math.ceil(rows / shard_rows),
    work_units: Math.ceil((rows * depth) / MULTIPLY_ADDS_PER_UNIT) + Math.ceil(rows / 8),
    leaf: { kind: 'inline', max_bytes: Math.min(rows, shard_rows) * SUM_BYTES },
    constants: { rows, depth, shard_rows, bound: depth * magnitude(a.dtype) * magnitude(x.dtype) },
  }
}

function magnitude(dtype: InputRefs[string]['dtype']): number {
  return isInteger(dtype) ? -DTYPE_RANGE[dtype].min : 0
}

export function shardRows({ rows, shard_rows }: GemvConstants, shard: number): number {
  return Math.min(shard_rows, rows - shard * shard_rows)
}

/** Where an element of op(A) stands among A's words. */
export interface Strides {
  readonly row: number
  readonly depth: number
}

/** Where elements of the operand lie, which may be given transposed. */
export function stridesOf({ transpose }: GemvArgs, { rows, depth }: GemvConstants): Strides {
  return transpose ? { row: 1, depth: rows } : { row: depth, depth: 1 }
}
