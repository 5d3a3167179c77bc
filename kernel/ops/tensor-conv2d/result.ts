import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { matrixPreview, previewOf } from '../matrix-preview.ts'
import type { Artifact } from '../op.ts'
import { factsOf, sequenceFacts } from '../sequence-facts.ts'
import { BLOCK, blocksOf, type Conv2dConstants, type Conv2dPlan, ITEM_BYTES, shardItems } from './plan.ts'

/** The whole output while its shards arrive: [images, out_channels, out_rows, out_columns]. */
export interface Planes {
  readonly constants: Conv2dConstants
  readonly values: Int32Array
}

export const conv2dResult = z.strictObject({
  shape: z.tuple([z.int(), z.int(), z.int(), z.int()]),
  dtype: z.literal('int32'),
  /** SHA-256 of the artifact `y`. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  ...sequenceFacts.omit({ blocks: true }).shape,
  /** The first image's first output channel. */
  preview: matrixPreview,
})
export type Conv2dResult = z.infer<typeof conv2dResult>

export function emptyPlanes({ constants: c }: Conv2dPlan): Planes {
  return { constants: c, values: new Int32Array(c.images * c.out_channels * c.out_rows * c.out_columns) }
}

export function placeItems({ constants: c, values }: Planes, shard: number, leaf: Uint8Array): void {
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  const pixels = c.out_rows * c.out_columns
  const blocks = blocksOf(c)
  for (let i = 0; i < leaf.length / ITEM_BYTES; i++) {
    const item = shard * c.shard_items + i
    const plane = Math.floor(item / pixels)
    const channel = (plane % blocks) * BLOCK
    const first = (Math.floor(plane / blocks) * c.out_channels + channel) * pixels + (item % pixels)
    for (let k = 0; k < Math.min(BLOCK, c.out_channels - channel); k++)
      values[first + k * pixels] = view.getInt32(i * ITEM_BYTES + 4 * k, true)
  }
}

/** A leaf has exactly its items; no sum is larger than its products allow; channels that there are not are zero. */
export function checkItems(plan: Conv2dPlan, shard: number, leaf: Uint8Array): string | undefined {
  const c = plan.constants
  const expected = shardItems(c, shard) * ITEM_BYTES
  if (leaf.length !== expected) return `a leaf of ${leaf.length} bytes instead of ${expected}`
  const terms = c.channels * c.kernel_rows * c.kernel_columns
  const [low, high] = [-16_256 * terms, 16_384 * terms]
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  const pixels = c.out_rows * c.out_columns
  for (let at = 0; at < expected; at += 4) {
    const value = view.getInt32(at, true)
    if (value < low || value > high)
      return `output ${at / 4} is ${value}; ${terms} products lie within ${low} and ${high}`
    const plane = Math.floor((shard * c.shard_items + Math.floor(at / ITEM_BYTES)) / pixels)
    const channel = (plane % blocksOf(c)) * BLOCK + (at % ITEM_BYTES) / 4
    if (value !== 0 && channel >= c.out_channels) return `output ${at / 4} of no channel is ${value}`
  }
  return undefined
}

export function reducePlanes({ constants: c, values }: Planes): {
  readonly result: Conv2dResult
  readonly artifacts: readonly Artifact[]
} {
  const shape: Conv2dResult['shape'] = [c.images, c.out_channels, c.out_rows, c.out_columns]
  const view = new DataView(new ArrayBuffer(4 * values.length))
  values.forEach((value, i) => {
    view.setInt32(4 * i, value, true)
  })
  const bytes = new Uint8Array(view.buffer)
  const { min, max, sum } = factsOf(values.length, (i) => values[i] as number)
  return {
    result: {
      shape,
      dtype: 'int32',
      digest: sha256Hex(bytes),
      min,
      max,
      sum,
      preview: previewOf(
        c.out_rows,
        c.out_columns,
        (row, column) => values[row * c.out_columns + column] as number,
      ),
    },
    artifacts: [{ name: 'y', dtype: 'int32', shape, bytes }],
  }
}
