import { exp2Word } from './exp2.ts'
import { normalQuantileQ24 } from './normal.ts'
import { sqrtQ30 } from './sqrt.ts'
import { mulHi, mulHiRound } from './u32.ts'

/** log2 e in Q31. */
const LOG2E_Q31 = 3098164009

/**
 * A Poisson variable of mean `whole + fraction / 2^32` below 2^24 from one uniform word: by inversion of the distribution
 * function in Q30 below a mean of 12, as the rounded normal of the same mean and variance from there on. The same as
 * shaders/prelude/poisson.wgsl.
 */
export function poissonLeap(whole: number, fraction: number, word: number): number {
  return whole < 12
    ? poissonInverse(((whole << 27) | (fraction >>> 5)) >>> 0, word)
    : poissonNormal(whole, fraction, word)
}

function poissonInverse(mean: number, word: number): number {
  const u = word >>> 2
  let term = exp2Word(-((mulHiRound(2 * mean, LOG2E_Q31) + 4) >>> 3), 0)
  let cumulated = term
  let n = 0
  for (let k = 1; k <= 48 && u >= cumulated; k++) {
    const product = (mulHi(term, mean) << 5) | (Math.imul(term, mean) >>> 27)
    term = Math.floor((product >>> 0) / k)
    if (term === 0) break
    n++
    cumulated += term
  }
  return n
}

function poissonNormal(whole: number, fraction: number, word: number): number {
  const z = normalQuantileQ24(word)
  const deviation = sqrtQ30(((whole << 8) | (fraction >>> 24)) >>> 0)
  const size = mulHiRound(Math.abs(z) << 4, deviation)
  const offset = (z < 0 ? -size : size) + (fraction >>> 17) + 0x4000
  const value = whole + (offset >> 15)
  return value < 0 ? 0 : value
}
