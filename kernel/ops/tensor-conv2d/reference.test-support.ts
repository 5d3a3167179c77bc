import { invariant } from '../../errors.ts'
import type { IntegerElements } from '../operand.ts'
import { elementsOf } from '../operand.ts'
import { referenceFor } from '../reference.test-support.ts'
import type { Conv2dArgs } from './args.ts'
import { conv2dSpec } from './index.ts'
import { BLOCK, blocksOf, type Conv2dPlan, ITEM_BYTES, shardItems } from './plan.ts'

/** The shard's items: four int32 each, those of channels that there are not are zero. */
export function correlate(
  args: Conv2dArgs,
  plan: Conv2dPlan,
  x: IntegerElements,
  w: IntegerElements,
  shard: number,
): Uint8Array {
  const c = plan.constants
  invariant(shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const items = shardItems(c, shard)
  const view = new DataView(new ArrayBuffer(items * ITEM_BYTES))
  const pixels = c.out_rows * c.out_columns
  const taps = c.channels * c.kernel_rows * c.kernel_columns
  for (let i = 0; i < items; i++) {
    const item = shard * c.shard_items + i
    const pixel = item % pixels
    const plane = Math.floor(item / pixels)
    const block = plane % blocksOf(c)
    const image = Math.floor(plane / blocksOf(c))
    const top = Math.floor(pixel / c.out_columns) * args.stride - args.padding
    const left = (pixel % c.out_columns) * args.stride - args.padding
    for (let channel = block * BLOCK; channel < Math.min((block + 1) * BLOCK, c.out_channels); channel++) {
      let sum = 0
      let tap = channel * taps
      for (let depth = 0; depth < c.channels; depth++) {
        const base = (image * c.channels + depth) * c.rows
        for (let i = 0, row = top; i < c.kernel_rows; i++, row += args.dilation) {
          if (row < 0 || row >= c.rows) {
            tap += c.kernel_columns
            continue
          }
          const at = (base + row) * c.columns
          for (let j = 0, column = left; j < c.kernel_columns; j++, column += args.dilation, tap++) {
            if (column >= 0 && column < c.columns) sum += (x[at + column] as number) * (w[tap] as number)
          }
        }
      }
      view.setInt32(i * ITEM_BYTES + 4 * (channel - block * BLOCK), sum, true)
    }
  }
  return new Uint8Array(view.buffer)
}

export const reference = referenceFor(conv2dSpec, ({ args, plan, inputRefs, inputs }, shard) =>
  correlate(args, plan, elementsOf('x', inputRefs, inputs), elementsOf('w', inputRefs, inputs), shard),
)
