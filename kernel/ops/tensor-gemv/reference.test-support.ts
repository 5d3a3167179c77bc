import { invariant } from '../../errors.ts'
import type { IntegerElements } from '../operand.ts'
import { elementsOf } from '../operand.ts'
import { referenceFor } from '../reference.test-support.ts'
import { gemvSpec } from './index.ts'
import { type GemvPlan, type Strides, shardRows, stridesOf } from './plan.ts'

/** The shard's sums as little-endian 64-bit integers. Doubles hold them exactly: they stay below 2^48. */
export function multiplyRows(
  plan: GemvPlan,
  a: IntegerElements,
  strides: Strides,
  x: IntegerElements,
  shard: number,
): Uint8Array {
  const c = plan.constants
  invariant(shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const rows = shardRows(c, shard)
  const view = new DataView(new ArrayBuffer(8 * rows))
  for (let row = 0; row < rows; row++) {
    let at = (shard * c.shard_rows + row) * strides.row
    let sum = 0
    for (let k = 0; k < c.depth; k++, at += strides.depth) sum += (a[at] as number) * (x[k] as number)
    view.setBigInt64(8 * row, BigInt(sum), true)
  }
  return new Uint8Array(view.buffer)
}

export const reference = referenceFor(gemvSpec, ({ args, plan, inputRefs, inputs }, shard) =>
  multiplyRows(
    plan,
    elementsOf('a', inputRefs, inputs),
    stridesOf(args, plan.constants),
    elementsOf('x', inputRefs, inputs),
    shard,
  ),
)
