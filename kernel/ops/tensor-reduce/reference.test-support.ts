import { invariant } from '../../errors.ts'
import { bigIntToLimbs } from '../../numerics/limbs.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { IntegerElements } from '../operand.ts'
import { elementsOf } from '../operand.ts'
import { referenceFor } from '../reference.test-support.ts'
import { reduceSpec } from './index.ts'
import { ITEM_WORDS, itemOf, type ReducePlan, shardItems } from './plan.ts'

/**
 * The shard's items. Squares are added up by halves of 16 bits, x = high 2^16 + low: each of the three sums is below
 * 32768 * 2^32 and exact, as is the sum of the elements.
 */
export function reduceItems(plan: ReducePlan, elements: IntegerElements, shard: number): Uint8Array {
  const c = plan.constants
  invariant(shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const items = shardItems(c, shard)
  const words = new Uint32Array(ITEM_WORDS * items)
  for (let i = 0; i < items; i++) {
    const { line, first, count } = itemOf(c, shard * c.shard_items + i)
    let at = line * c.line_stride + first * c.depth_stride
    let least = elements[at] as number
    let greatest = least
    let sum = 0
    let highHigh = 0
    let highLow = 0
    let lowLow = 0
    for (let k = 0; k < count; k++, at += c.depth_stride) {
      const x = elements[at] as number
      const low = x & 0xffff
      const high = c.signed ? x >> 16 : x >>> 16
      if (x < least) least = x
      if (x > greatest) greatest = x
      sum += x
      highHigh += high * high
      highLow += high * low
      lowLow += low * low
    }
    const to = ITEM_WORDS * i
    bigIntToLimbs(BigInt(sum), words, to, 2)
    bigIntToLimbs((BigInt(highHigh) << 32n) + (BigInt(highLow) << 17n) + BigInt(lowLow), words, to + 2, 3)
    words[to + 5] = least
    words[to + 6] = greatest
  }
  return wordsToBytes(words)
}

export const reference = referenceFor(reduceSpec, ({ plan, inputRefs, inputs }, shard) =>
  reduceItems(plan, elementsOf('x', inputRefs, inputs), shard),
)
