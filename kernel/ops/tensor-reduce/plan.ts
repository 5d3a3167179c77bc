import type { InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { inputRef } from '../operand.ts'
import type { ReduceArgs } from './args.ts'

export type ReduceConstants = {
  readonly lines: number
  readonly depth: number
  readonly line_stride: number
  readonly depth_stride: number
  /** Elements of an item; the last item of a line may have fewer. */
  readonly segment_length: number
  readonly shard_items: number
  readonly signed: boolean
}

export type ReducePlan = Plan<ReduceConstants>

/** Sum (2 words), sum of squares (3), least, greatest, 0. */
export const ITEM_WORDS = 8
/** One word an element: 64 MiB. */
const ELEMENTS_MAX = 2 ** 24
/** Iterations of a kernel's loop. */
const SEGMENT_MAX = 32_768
/** Elements of a shard: some 0.03 s of one core. */
const SHARD_ELEMENTS = 2 ** 22
/** 4,096 bytes, which travel inline; more only where lines are so short that shards would be tiny. */
const SHARD_ITEMS_MIN = 128
const SHARD_ITEMS_MAX = 8192
/** Elements of the reference per work unit, that is, per microsecond. */
const ELEMENTS_PER_UNIT = 128

export function segmentsOf({ depth, segment_length }: ReduceConstants): number {
  return Math.ceil(depth / segment_length)
}

export function itemsOf(c: ReduceConstants): number {
  return c.lines * segmentsOf(c)
}

export function shardItems(c: ReduceConstants, shard: number): number {
  return Math.min(c.shard_items, itemsOf(c) - shard * c.shard_items)
}

/** Where an item's elements stand. */
export function itemOf(c: ReduceConstants, item: number): { line: number; first: number; count: number } {
  const segments = segmentsOf(c)
  const first = (item % segments) * c.segment_length
  return { line: Math.floor(item / segments), first, count: Math.min(c.segment_length, c.depth - first) }
}

/** @throws ForgeError INPUT_INVALID when the matrix is too large */
export function planReduce({ axis }: ReduceArgs, inputs: InputRefs): ReducePlan {
  const { shape, dtype } = inputRef(inputs, 'x')
  const [rows, columns] = shape as [number, number]
  const elements = rows * columns
  if (elements > ELEMENTS_MAX)
    throw new ForgeError('INPUT_INVALID', `x has ${elements} elements; the limit is ${ELEMENTS_MAX}`, {
      path: 'inputs.x.shape',
      hint: 'Cut it into parts and add their sums.',
    })
  const [lines, depth, line_stride, depth_stride] = {
    all: [1, elements, 0, 1] as const,
    rows: [rows, columns, columns, 1] as const,
    columns: [columns, rows, 1, columns] as const,
  }[axis]
  const segment_length = Math.min(depth, SEGMENT_MAX)
  const shard_items = Math.min(
    SHARD_ITEMS_MAX,
    Math.max(SHARD_ITEMS_MIN, Math.floor(SHARD_ELEMENTS / segment_length)),
  )
  const constants: ReduceConstants = {
    lines,
    depth,
    line_stride,
    depth_stride,
    segment_length,
    shard_items,
    signed: dtype.startsWith('int'),
  }
  const items = itemsOf(constants)
  const max_bytes = 4 * ITEM_WORDS * Math.min(items, shard_items)
  return {
    shard_count: Math.ceil(items / shard_items),
    work_units: Math.ceil(elements / ELEMENTS_PER_UNIT) + Math.ceil(items / 4),
    leaf: { kind: max_bytes <= LIMITS.inline_leaf_bytes ? 'inline' : 'blob', max_bytes },
    constants,
  }
}
