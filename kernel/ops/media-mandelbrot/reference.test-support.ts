import { referenceFor } from '../reference.test-support.ts'
import { tileOf } from '../tile-grid.ts'
import type { MandelbrotArgs } from './args.ts'
import { mandelbrotSpec } from './index.ts'
import { type MandelbrotConstants, TIME_BYTES } from './plan.ts'

/** A coordinate of Q60 is rounded to Q28: half of 2^32 is added, and the low word dropped. */
const HALF = 1n << 31n
const SCALE_14 = 2 ** 14
const UNIT_27 = 1 / 2 ** 27
const UNIT_28 = 1 / 2 ** 28
/** |aRest - bRest| < 2^47: lifted by 2^20 the difference is positive. The half rounds. */
const WHOLE_LIFT = 2 ** 20
const LIFT = WHOLE_LIFT + 0.5
/** 4 + 2^-24 in Q28. */
const ESCAPED = 2 ** 30 + 16

/** The Q28 coordinate of a pixel's centre. */
export function coordinate(origin: string, step: string, index: number, sign: 1 | -1): number {
  return Number((BigInt(origin) + BigInt(sign * index) * BigInt(step) + HALF) >> 32n)
}

/**
 * The least n < limit with |z_n|^2 >= 4 + 2^-24, or limit. The same formula as shaders/media/mandelbrot.v1.wgsl, in
 * doubles that stay exact: a Q28 number is high 2^14 + low, |high| < 2^17, and no sum below reaches 2^50.
 */
export function escapeTime(cRe: number, cIm: number, limit: number): number {
  let x = 0
  let y = 0
  for (let n = 0; n < limit; n++) {
    const a = Math.abs(x)
    const b = Math.abs(y)
    const aHigh = a >> 14
    const aLow = a & 0x3fff
    const bHigh = b >> 14
    const bLow = b & 0x3fff
    const aRest = 2 * aHigh * aLow * SCALE_14 + aLow * aLow
    const bRest = 2 * bHigh * bLow * SCALE_14 + bLow * bLow
    const aSquare = aHigh * aHigh
    const bSquare = bHigh * bHigh
    // "| 0" drops the fraction of what is positive and below 2^31.
    if (aSquare + bSquare + (((aRest + bRest) * UNIT_28) | 0) >= ESCAPED) return n
    const crossRest = (aHigh * bLow + aLow * bHigh) * SCALE_14 + aLow * bLow
    const product = 2 * aHigh * bHigh + ((crossRest * UNIT_27 + 0.5) | 0)
    y = (x < 0 !== y < 0 ? -product : product) + cIm
    x = aSquare - bSquare + (((aRest - bRest) * UNIT_28 + LIFT) | 0) - WHOLE_LIFT + cRe
  }
  return limit
}

/** @returns the tile's escape times, row-major, little-endian int16 */
export function escapeTimes(args: MandelbrotArgs, constants: MandelbrotConstants, shard: number): Uint8Array {
  const tile = tileOf(constants, shard)
  const bytes = new Uint8Array(tile.rows * tile.columns * TIME_BYTES)
  const view = new DataView(bytes.buffer)
  const real = Array.from({ length: tile.columns }, (_, column) =>
    coordinate(constants.left, constants.step, tile.column + column, 1),
  )
  let at = 0
  for (let row = 0; row < tile.rows; row++) {
    const cIm = coordinate(constants.top, constants.step, tile.row + row, -1)
    for (const cRe of real) {
      view.setInt16(at, escapeTime(cRe, cIm, args.max_iterations), true)
      at += TIME_BYTES
    }
  }
  return bytes
}

export const reference = referenceFor(mandelbrotSpec, ({ args, plan }, shard) =>
  escapeTimes(args, plan.constants, shard),
)
