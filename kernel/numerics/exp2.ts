import { TABLES } from './tables/index.ts'

const ROWS = TABLES.exp2.words

/**
 * 2^(f / 2^24) in Q30, in [2^30, 2^31), for a fraction f < 2^24; exactly 2^30 at f = 0.
 *
 * The top 8 bits of f choose the row, x is the other 16: y = c0 + (c1 + c2 x) x, x in 2^-16. c2 x < 2^32, and
 * t = c1 + c2 x / 2^16 < 2^23, so t (x >> 8) + (t (x & 255) >> 8) < 2^32. Relative error at most 2.0e-9, mean about
 * -1e-11; monotone. The tests prove all of this for every f.
 */
export function exp2Q30(f: number): number {
  const row = (f >>> 14) & 0x3fc
  const x = f & 0xffff
  const t = ((ROWS[row + 1] as number) + (Math.imul(ROWS[row + 2] as number, x) >>> 16)) | 0
  const rise = (Math.imul(t, x >>> 8) + (Math.imul(t, x & 0xff) >>> 8)) >>> 8
  return ((ROWS[row] as number) + rise) >>> 0
}

/** What `exp2Word` gives beyond its range, and never within. */
export const SATURATED = 0x7fffffff

/**
 * 2^(x / 2^24) in Q(30 - top) for an i32 x, a half rounded up; SATURATED where it is 2^(top + 1) or more. As
 * shaders/prelude/growth.wgsl.
 */
export function exp2Word(x: number, top: number): number {
  const down = top - (x >> 24)
  if (down < 0) return SATURATED
  if (down > 31) return 0
  return (exp2Q30(x & 0xffffff) + ((1 << down) >>> 1)) >>> down
}
