import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import { fixedToNumber } from '../../numerics/bigmath.ts'
import type { Artifact } from '../op.ts'
import { tileOf } from '../tile-grid.ts'
import type { MandelbrotArgs } from './args.ts'
import { palette } from './palette.ts'
import { type MandelbrotConstants, type MandelbrotPlan, TIME_BYTES } from './plan.ts'

/** The whole picture while its tiles arrive: row-major little-endian int16 escape times. */
export interface EscapeTimes {
  readonly constants: MandelbrotConstants
  readonly bytes: Uint8Array
}

const digest = z.string().regex(/^[0-9a-f]{64}$/)

export const mandelbrotResult = z.strictObject({
  width: z.int(),
  height: z.int(),
  /** The centres of the corner pixels. */
  view: z.strictObject({ left: z.number(), right: z.number(), top: z.number(), bottom: z.number() }),
  /** SHA-256 of the artifact `image`: RGBA, row-major. */
  image: digest,
  /** SHA-256 of the artifact `times`: int16, row-major. */
  times: digest,
  /** Pixels that did not escape. */
  inside: z.int(),
  /** Over all pixels. At most 2^24 * 2^15. */
  iterations: z.int(),
  /** Escaped pixels by time: from 2^j up to the next edge. */
  escaped: z.strictObject({ edges: z.array(z.int()), counts: z.array(z.int()) }),
})
export type MandelbrotResult = z.infer<typeof mandelbrotResult>

export function emptyTimes(plan: MandelbrotPlan): EscapeTimes {
  const { rows, columns } = plan.constants
  return { constants: plan.constants, bytes: new Uint8Array(rows * columns * TIME_BYTES) }
}

/** A tile has exactly its length; no point takes longer than allowed, and none escapes before it has moved. */
export function checkTimes(plan: MandelbrotPlan, shard: number, leaf: Uint8Array): string | undefined {
  const tile = tileOf(plan.constants, shard)
  const expected = tile.rows * tile.columns * TIME_BYTES
  if (leaf.length !== expected)
    return `a tile of ${leaf.length} bytes; ${tile.rows} x ${tile.columns} int16 are ${expected}`
  const limit = plan.constants.max_iterations
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  for (let at = 0; at < expected; at += TIME_BYTES) {
    const time = view.getInt16(at, true)
    if (time < 1 || time > limit)
      return `point ${at / TIME_BYTES} escapes after ${time} iterations; 1 to ${limit} are possible`
  }
  return undefined
}

export function reduceTimes(
  args: MandelbrotArgs,
  { constants, bytes }: EscapeTimes,
): { readonly result: MandelbrotResult; readonly artifacts: readonly Artifact[] } {
  const { rows, columns } = constants
  const limit = args.max_iterations
  const colours = new Uint32Array(palette(limit).buffer)
  const image = new Uint32Array(rows * columns)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const bins = 32 - Math.clz32(limit)
  const counts = new Array<number>(bins).fill(0)
  let inside = 0
  let iterations = 0
  for (let pixel = 0; pixel < image.length; pixel++) {
    const time = Math.min(view.getInt16(pixel * TIME_BYTES, true), limit)
    // The bytes of a colour are copied as a word: their order in memory does not change.
    image[pixel] = colours[time] as number
    iterations += time
    if (time === limit) inside++
    else {
      const bin = 31 - Math.clz32(time)
      counts[bin] = (counts[bin] as number) + 1
    }
  }
  const pixels = new Uint8Array(image.buffer)
  const step = BigInt(constants.step)
  const left = BigInt(constants.left)
  const top = BigInt(constants.top)
  const result: MandelbrotResult = {
    width: columns,
    height: rows,
    view: {
      left: fixedToNumber(left, 60),
      right: fixedToNumber(left + BigInt(columns - 1) * step, 60),
      top: fixedToNumber(top, 60),
      bottom: fixedToNumber(top - BigInt(rows - 1) * step, 60),
    },
    image: sha256Hex(pixels),
    times: sha256Hex(bytes),
    inside,
    iterations,
    escaped: { edges: [...counts.map((_, bin) => 2 ** bin), 2 ** bins], counts },
  }
  return {
    result,
    artifacts: [
      { name: 'image', dtype: 'uint8', shape: [rows, columns, 4], bytes: pixels },
      { name: 'times', dtype: 'int16', shape: [rows, columns], bytes },
    ],
  }
}
