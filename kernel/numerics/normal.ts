import { TABLES } from './tables/index.ts'

const ROWS = TABLES['normal-quantile'].words

/** The largest |z| that `normalQuantileQ24` can give, in Q24 (6.338 sigma): what overflow proofs are made from. */
export const NORMAL_MAX_Q24 = ROWS[0] as number

/**
 * The standard normal quantile of a uniform word, in signed Q24.
 *
 * Bit 31 of u is the sign (set: negative), m its low 31 bits, n = 2 m + 1 (never 0), and p = n / 2^33 the smaller tail. The row is
 * chosen by the leading bit e of n and the four bits after it; x is the next 16 bits. z = c0 - (c1 - c2 x) x, x in
 * 2^-16. Within a row c2 x < 2^32 and (c1 - c2 x / 2^16) 2^8 < 2^32, which the tests prove for every row and x.
 * Error at most 2e-6, monotone, odd: u and u xor 2^31 give z and -z.
 */
export function normalQuantileQ24(u: number): number {
  const n = (u << 1) | 1
  const zeros = Math.clz32(n)
  const aligned = n << zeros
  const row = ((31 - zeros) << 6) | ((aligned >>> 25) & 0x3c)
  const x = (aligned >>> 11) & 0xffff
  const t = ((ROWS[row + 1] as number) - (Math.imul(ROWS[row + 2] as number, x) >>> 16)) | 0
  const fall = (Math.imul(t, x >>> 8) + (Math.imul(t, x & 0xff) >>> 8)) >>> 8
  const z = ((ROWS[row] as number) - fall) | 0
  const sign = u >> 31
  return (z ^ sign) - sign
}
