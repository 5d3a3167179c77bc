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

/** 2^exponent for -1022 <= exponent <= 1023. */
export function powerOfTwo(exponent: number): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setUint32(0, (exponent + 1023) << 20)
  return view.getFloat64(0)
}

/** floor(log2 x) of a positive float32 by its bits. */
function exponentOf(bits: number): number {
  const biased = bits >>> 23
  return biased > 0 ? biased - 127 : -118 - Math.clz32(bits)
}

/**
 * @param line bits of float32
 * @param bits of the integers, the sign included: |m| < 2^(bits - 1)
 * @param m receives them
 * @returns e
 */
export function quantise(line: Uint32Array, bits: 16 | 24, m: Int32Array): number {
  let largest = 0
  let at = 0
  for (let k = 0; k < line.length; k++) {
    const size = (line[k] as number) & 0x7fffffff
    if (size > largest) {
      largest = size
      at = k
    }
  }
  m.fill(0)
  if (largest >= 0x7f800000) return NOT_FINITE
  if (largest === 0) return EXPONENT_MIN
  const floats = new Float32Array(line.buffer, line.byteOffset, line.length)
  const rounded = (x: number): number => x + ROUNDER - ROUNDER
  let exponent = exponentOf(largest) + 2 - bits
  if (Math.abs(rounded((floats[at] as number) * powerOfTwo(-exponent))) >= 2 ** (bits - 1)) exponent++
  exponent = Math.max(exponent, EXPONENT_MIN)
  const scale = powerOfTwo(-exponent)
  for (let k = 0; k < line.length; k++) m[k] = rounded((floats[k] as number) * scale)
  return exponent
}
