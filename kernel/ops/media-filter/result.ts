import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import type { Artifact } from '../op.ts'
import { tileOf } from '../tile-grid.ts'
import { type FilterConstants, type FilterPlan, PIXEL_BYTES } from './plan.ts'

/** The whole picture while its tiles arrive. */
export interface Picture {
  readonly constants: FilterConstants
  readonly bytes: Uint8Array
}

export const filterResult = z.strictObject({
  width: z.int(),
  height: z.int(),
  /** SHA-256 of the artifact `image`: RGBA, row-major. */
  image: z.string().regex(/^[0-9a-f]{64}$/),
  /** Sums of red, green, blue and alpha over all pixels: at most 2^24 * 255. */
  sums: z.tuple([z.int(), z.int(), z.int(), z.int()]),
})
export type FilterResult = z.infer<typeof filterResult>

export function emptyPicture({ constants }: FilterPlan): Picture {
  return { constants, bytes: new Uint8Array(constants.rows * constants.columns * PIXEL_BYTES) }
}

/** A tile has exactly its length: every byte is a possible channel. */
export function checkPixels(plan: FilterPlan, shard: number, leaf: Uint8Array): string | undefined {
  const tile = tileOf(plan.constants, shard)
  const expected = tile.rows * tile.columns * PIXEL_BYTES
  if (leaf.length === expected) return undefined
  return `a tile of ${leaf.length} bytes; ${tile.rows} x ${tile.columns} pixels are ${expected}`
}

export function reducePicture({ constants: c, bytes }: Picture): {
  readonly result: FilterResult
  readonly artifacts: readonly Artifact[]
} {
  const sums: FilterResult['sums'] = [0, 0, 0, 0]
  for (let at = 0; at < bytes.length; at += PIXEL_BYTES) {
    sums[0] += bytes[at] as number
    sums[1] += bytes[at + 1] as number
    sums[2] += bytes[at + 2] as number
    sums[3] += bytes[at + 3] as number
  }
  return {
    result: { width: c.columns, height: c.rows, image: sha256Hex(bytes), sums },
    artifacts: [{ name: 'image', dtype: 'uint8', shape: [c.rows, c.columns, PIXEL_BYTES], bytes }],
  }
}
