import { invariant } from '../../errors.ts'
import { divideRound, expQ, toFixedQ } from '../../numerics/bigmath.ts'

/** Which source pixels along one axis make a pixel of the result, and with which weights. */
export interface AxisEntry {
  /** The first source pixel; it may lie before the border. */
  readonly first: number
  /** Of as many source pixels as the axis has taps; they are natural and add up to ONE. */
  readonly weights: readonly number[]
}

/** Weights are Q15. */
export const ONE = 32_768
const BITS = 15
/** Fractional bits while a Gaussian is computed. */
const Q = 64
/** Standard deviations on either side. */
const REACH = 3

/**
 * The weights of a Gaussian at 0, 1, 2 ... pixels from its centre, Q15, each rounded to the nearest; the centre takes what
 * is missing to ONE.
 */
export function gaussian(sigma: number): number[] {
  const exact = toFixedQ(sigma, Q)
  const radius = Math.ceil(REACH * sigma)
  const raw = Array.from({ length: radius + 1 }, (_, i) => {
    const square = (BigInt(i * i) << BigInt(3 * Q)) / (2n * exact * exact)
    return expQ(-square, Q)
  })
  const total = raw.reduce((sum, weight, i) => sum + (i === 0 ? weight : 2n * weight), 0n)
  const sides = raw.slice(1).map((weight) => Number(divideRound(weight << BigInt(BITS), total)))
  const centre = ONE - 2 * sides.reduce((sum, weight) => sum + weight, 0)
  invariant(centre > 0, 'a Gaussian has a centre')
  return [centre, ...sides]
}

/** A pixel from its neighbours on both sides alike. @param half weights from the centre outwards */
export function symmetricEntry(half: readonly number[], i: number): AxisEntry {
  const radius = half.length - 1
  const weights = Array.from({ length: 2 * radius + 1 }, (_, t) => half[Math.abs(t - radius)] as number)
  return { first: i - radius, weights }
}

/** Source pixels that `linearEntry` needs at most. */
export function linearTaps(from: number, to: number): number {
  return Math.floor((2 * Math.max(from, to)) / to) + 1
}

/**
 * Pixel i of a linear interpolation from `from` to `to` pixels; where pixels become fewer, over a triangle that is wider
 * by that factor. Distances in units of 1 / (2 to) source pixels are integers below 2^28: pixel i stands at
 * (2 i + 1) from - to, source pixel x at 2 to x, and the triangle reaches 2 max(from, to) either way. Weights are rounded
 * down to Q15; the largest (the first of equals) takes what is missing.
 */
export function linearEntry(from: number, to: number, i: number): AxisEntry {
  const reach = 2 * Math.max(from, to)
  const place = (2 * i + 1) * from - to
  const first = Math.floor((place - reach) / (2 * to)) + 1
  const parts = Array.from({ length: linearTaps(from, to) }, (_, t) =>
    Math.max(0, reach - Math.abs(2 * to * (first + t) - place)),
  )
  const total = parts.reduce((sum, part) => sum + part, 0)
  const weights = parts.map((part) => Math.floor((part * ONE) / total))
  const largest = parts.indexOf(Math.max(...parts))
  weights[largest] = (weights[largest] as number) + ONE - weights.reduce((sum, weight) => sum + weight, 0)
  return { first, weights }
}
