import type { InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { inputRef } from '../operand.ts'
import { log2Ceil } from '../tile-grid.ts'
import type { Conv2dArgs } from './args.ts'

/** x [images, channels, rows, columns] with w [out_channels, channels, kernel_rows, kernel_columns]. */
export type Conv2dConstants = {
  readonly images: number
  readonly channels: number
  readonly rows: number
  readonly columns: number
  readonly out_channels: number
  readonly kernel_rows: number
  readonly kernel_columns: number
  readonly out_rows: number
  readonly out_columns: number
  /** Items of a shard: an item is an output pixel of four output channels. */
  readonly shard_items: number
}

export type Conv2dPlan = Plan<Conv2dConstants>

/** Output channels of an item, and channels of a word. */
export const BLOCK = 4
/** Every sum of so many products of int8 stays below 2^31. */
const TERMS_MAX = 131_071
/** Iterations of the kernel: words of channels times taps. */
const TAPS_MAX = 32_768
/** Four int32. */
export const ITEM_BYTES = 16
/** Multiply-adds of a shard: some 0.05 s of one core. */
const SHARD_WORK_LOG2 = 25
const SHARD_ITEMS_LOG2_MAX = 14
/** Multiply-adds of the reference per work unit, that is, per microsecond. */
const MULTIPLY_ADDS_PER_UNIT = 512

export function blocksOf({ out_channels }: Pick<Conv2dConstants, 'out_channels'>): number {
  return Math.ceil(out_channels / BLOCK)
}

/** Loop iterations of the kernel for one item. */
export function tapsOf(c: Pick<Conv2dConstants, 'channels' | 'kernel_rows' | 'kernel_columns'>): number {
  return Math.ceil(c.channels / BLOCK) * c.kernel_rows * c.kernel_columns
}

export function itemsOf(c: Conv2dConstants): number {
  return c.images * blocksOf(c) * c.out_rows * c.out_columns
}

export function shardItems(c: Conv2dConstants, shard: number): number {
  return Math.min(c.shard_items, itemsOf(c) - shard * c.shard_items)
}

/** @throws ForgeError INPUT_INVALID with the path of the shape that is wrong */
export function planConv2d(args: Conv2dArgs, inputs: InputRefs): Conv2dPlan {
  const refuse = (input: string, message: string, hint: string): never => {
    throw new ForgeError('INPUT_INVALID', message, { path: `inputs.${input}.shape`, hint })
  }
  type Shape = [number, number, number, number]
  const [images, channels, rows, columns] = inputRef(inputs, 'x').shape as Shape
  const [out_channels, depth, kernel_rows, kernel_columns] = inputRef(inputs, 'w').shape as Shape
  if (depth !== channels)
    refuse(
      'w',
      `w is for ${depth} channels, x has ${channels}`,
      'Its shape is [output, input channels, rows, columns].',
    )
  const terms = channels * kernel_rows * kernel_columns
  const taps = tapsOf({ channels, kernel_rows, kernel_columns })
  if (terms > TERMS_MAX || taps > TAPS_MAX) {
    refuse(
      'w',
      `an output is a sum of ${terms} products; the limit is ${TERMS_MAX}, and ${TAPS_MAX} taps of four channels`,
      'Split the channels into groups and add the results.',
    )
  }
  const size = (side: number, kernel: number) =>
    Math.floor((side + 2 * args.padding - args.dilation * (kernel - 1) - 1) / args.stride) + 1
  const [out_rows, out_columns] = [size(rows, kernel_rows), size(columns, kernel_columns)]
  if (out_rows < 1 || out_columns < 1)
    refuse(
      'w',
      'the kernel is larger than the padded image',
      'Use a smaller kernel or dilation, or more padding.',
    )
  const blocks = Math.ceil(out_channels / BLOCK)
  if (images * rows * columns * Math.ceil(channels / BLOCK) * BLOCK > LIMITS.blob_bytes)
    refuse('x', 'x, its channels rounded up to four, exceeds 64 MiB', 'Send the images in several contracts.')
  if (blocks * taps * ITEM_BYTES > LIMITS.blob_bytes)
    refuse('w', 'w, its channels rounded up to four, exceeds 64 MiB', 'Send groups of output channels.')
  if (images * out_channels * out_rows * out_columns * BLOCK > LIMITS.blob_bytes)
    refuse('x', 'the output exceeds 64 MiB', 'Send the images in several contracts.')
  const items = images * blocks * out_rows * out_columns
  const shard_items = 2 ** Math.min(SHARD_ITEMS_LOG2_MAX, SHARD_WORK_LOG2 - log2Ceil(taps * ITEM_BYTES))
  return {
    shard_count: Math.ceil(items / shard_items),
    work_units: Math.ceil((items * taps * ITEM_BYTES) / MULTIPLY_ADDS_PER_UNIT) + Math.ceil(items / 16),
    leaf: { kind: 'blob', max_bytes: Math.min(items, shard_items) * ITEM_BYTES },
    constants: {
      images,
      channels,
      rows,
      columns,
      out_channels,
      kernel_rows,
      kernel_columns,
      out_rows,
      out_columns,
      shard_items,
    },
  }
}
