/**
 * Float32 elements of a line as integers that share a power of two: x is m 2^e within 2^(e-1). Only exact operations:
 * bits, products by powers of two, and binary64's own rounding to the nearest, a tie to even.
 */

/** The exponent of a line with an element that is infinite or no number; the line's integers are zero. */
export const NOT_FINITE = 127
/** Smaller exponents do not fit int8: elements below 2^-129 count as zero. The largest is 114. */
const EXPONENT_MIN = -128
/** Adding and subtracting it rounds a double below 2^51 to an integer, a tie to even. */
const ROUNDER = 1.5 * 2 ** 52
/** Bits of a float32 without its sign: those of magnitudes are in the order of the magnitudes. */
const MAGNITUDE = 0x7fffffff
const INFINITY_BITS = 0x7f800000

/** 2^exponent for -1022 <= exponent <= 1023. */
export function powerOfTwo(exponent: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint32(0, (exponent + 1023) << 20)
  return view.getFloat64(0)
}

/** floor(log2 x) of a positive float32 by its bits. */
function log2Floor(bits: number): number {
  const biased = bits >>> 23
  return biased > 0 ? biased - 127 : -118 - Math.clz32(bits)
}

/** The largest magnitude of a line that lies in one piece, as bits. */
export function largestOf(words: Int32Array, from: number, count: number): number {
  let largest = 0
  for (let i = from, end = from + count; i < end; i++) {
    const size = (words[i] as number) & MAGNITUDE
    if (size > largest) largest = size
  }
  return largest
}

/** The same of lines that lie side by side: takes one element of each. @param largest is kept up to date */
export function raiseLargest(words: Int32Array, from: number, largest: Int32Array): void {
  const count = largest.length
  for (let i = 0; i < count; i++) {
    const size = (words[from + i] as number) & MAGNITUDE
    if (size > (largest[i] as number)) largest[i] = size
  }
}

/**
 * The exponent e of a line: the least from EXPONENT_MIN with which all its integers are below 2^(bits - 1).
 * @param largest magnitude, as bits
 * @param bits of the integers, the sign included
 */
export function exponentFor(largest: number, bits: 16 | 24): number {
  if (largest >= INFINITY_BITS) return NOT_FINITE
  if (largest === 0) return EXPONENT_MIN
  const view = new DataView(new ArrayBuffer(4))
  view.setUint32(0, largest)
  const exponent = log2Floor(largest) + 2 - bits
  const rounded = view.getFloat32(0) * powerOfTwo(-exponent) + ROUNDER - ROUNDER
  return Math.max(rounded >= 2 ** (bits - 1) ? exponent + 1 : exponent, EXPONENT_MIN)
}

/** What elements are multiplied by before they are rounded: 2^-e, or zero, by which what is no number becomes zero too. */
export function scaleFor(exponent: number): number {
  return exponent === NOT_FINITE ? 0 : powerOfTwo(-exponent)
}

/** The integers of a line, or of a part of it, that lies in one piece. */
export function roundLine(
  floats: Float32Array,
  from: number,
  count: number,
  scale: number,
  m: Int32Array,
): void {
  for (let i = 0; i < count; i++) m[i] = ((floats[from + i] as number) * scale + ROUNDER - ROUNDER) | 0
}

/** One integer of each of the lines that lie side by side. @param scales of the lines */
export function roundAcross(floats: Float32Array, from: number, scales: Float64Array, m: Int32Array): void {
  const count = scales.length
  for (let i = 0; i < count; i++)
    m[i] = ((floats[from + i] as number) * (scales[i] as number) + ROUNDER - ROUNDER) | 0
}
