import { z } from 'zod'
import type { Axis, ChartSpec } from './op.ts'

/** What a result says of a long sequence of integers below 2^53: exact extremes and sum, and a block-wise preview. */

const PREVIEW_MAX = 128

export const sequenceFacts = z.strictObject({
  min: z.int(),
  max: z.int(),
  /** Decimal: it can pass 2^53. */
  sum: z.string().regex(/^-?[0-9]{1,30}$/),
  /** Blocks of an even division: the first index, the least, mean (rounded down) and greatest element. */
  blocks: z
    .array(z.strictObject({ first: z.int(), min: z.int(), mean: z.int(), max: z.int() }))
    .min(1)
    .max(PREVIEW_MAX),
})
export type SequenceFacts = z.infer<typeof sequenceFacts>

/** Elements are added up in two parts, of which the low one has so many bits: 2^26 elements stay exact in either. */
const LOW_BITS = 26

/** @param at the element at an index, an integer below 2^53 */
export function factsOf(count: number, at: (index: number) => number): SequenceFacts {
  const blockCount = Math.min(count, PREVIEW_MAX)
  const scale = 2 ** LOW_BITS
  let total = 0n
  const blocks = Array.from({ length: blockCount }, (_, block) => {
    const first = Math.floor((block * count) / blockCount)
    const end = Math.floor(((block + 1) * count) / blockCount)
    let min = at(first)
    let max = min
    let high = 0
    let low = 0
    for (let i = first; i < end; i++) {
      const value = at(i)
      if (value < min) min = value
      if (value > max) max = value
      const top = Math.floor(value / scale)
      high += top
      low += value - top * scale
    }
    const sum = (BigInt(high) << BigInt(LOW_BITS)) + BigInt(low)
    total += sum
    const size = BigInt(end - first)
    const rest = ((sum % size) + size) % size
    return { first, min, mean: Number((sum - rest) / size), max }
  })
  return {
    min: blocks.reduce((least, block) => Math.min(least, block.min), Number.POSITIVE_INFINITY),
    max: blocks.reduce((most, block) => Math.max(most, block.max), Number.NEGATIVE_INFINITY),
    sum: total.toString(),
    blocks,
  }
}

/** The blocks as a band from least to greatest around the mean; none for a single element. */
export function bandOf(
  title: string,
  x: Axis,
  y: Axis,
  { blocks }: Pick<SequenceFacts, 'blocks'>,
): ChartSpec[] {
  if (blocks.length < 2) return []
  return [
    {
      kind: 'band',
      title,
      x,
      y,
      points: blocks.map(({ first, min, mean, max }) => ({ x: first, y: mean, low: min, high: max })),
    },
  ]
}
