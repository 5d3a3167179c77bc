/**
 * Unsigned 32-bit words held in JavaScript numbers. Words may be given signed or unsigned (only their low 32 bits
 * count) and come back unsigned.
 */

/**
 * The high word of the 64-bit product of two words, from four 16-bit partial products as on the GPU, where no wider
 * multiply exists. No intermediate leaves 32 bits: (2^16-1)^2 + 2 (2^16-1) = 2^32 - 1.
 */
export function mulHi(a: number, b: number): number {
  const aLow = a & 0xffff
  const aHigh = a >>> 16
  const bLow = b & 0xffff
  const bHigh = b >>> 16
  const t = (Math.imul(aHigh, bLow) + (Math.imul(aLow, bLow) >>> 16)) | 0
  const u = (Math.imul(aLow, bHigh) + (t & 0xffff)) | 0
  return (Math.imul(aHigh, bHigh) + (t >>> 16) + (u >>> 16)) >>> 0
}

/** The 64-bit product of two words into `out[0]` (low) and `out[1]` (high). */
export function mulHiLo(out: Uint32Array, a: number, b: number): void {
  out[0] = Math.imul(a, b)
  out[1] = mulHi(a, b)
}

/**
 * round(a b / 2^32), a half rounded up. The result is a word: for a = b = 2^32-1 the product is 2^64 - 2^33 + 1,
 * whose low word lies below the half.
 */
export function mulHiRound(a: number, b: number): number {
  return (mulHi(a, b) + (Math.imul(a, b) >>> 31)) >>> 0
}

/** floor((high 2^32 + low) / divisor) for high < divisor: long division by digits of 16 bits, each step below 2^48. */
export function divideWide(high: number, low: number, divisor: number): number {
  const first = high * 65536 + (low >>> 16)
  const digit = Math.floor(first / divisor)
  const second = (first - digit * divisor) * 65536 + (low & 0xffff)
  return digit * 65536 + Math.floor(second / divisor)
}
