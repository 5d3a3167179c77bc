import { mulHi } from './u32.ts'

/**
 * floor(sqrt(v 2^30)) of a word v, below 2^31: with v in Q30 its square root in Q30. Exact, so that it is one function
 * whatever the way to it.
 *
 * `Math.sqrt` is correctly rounded, and so is off by less than 2^-22 here: its floor is the root or one more, which the
 * exact square shows. The GPU comes by integers only (shaders/prelude/sqrt.wgsl).
 */
export function sqrtQ30(v: number): number {
  const word = v >>> 0
  const root = Math.floor(Math.sqrt(word) * 32768)
  // root^2 > v 2^30, compared as two words.
  const high = mulHi(root, root)
  const squareHigh = word >>> 2
  if (high < squareHigh) return root
  return high > squareHigh || Math.imul(root, root) >>> 0 > (word << 30) >>> 0 ? root - 1 : root
}
