import { integerSqrt } from './bigmath.ts'
import { exp2Oracle, normalOracle, scaleOracle } from './rows.test-support.ts'

/** poissonLeap in BigInt, from the header of shaders/prelude/poisson.wgsl. */
export function leapOracle(whole: bigint, fraction: bigint, word: bigint): bigint {
  if (whole >= 12n) {
    const deviation = integerSqrt(((whole << 8n) + (fraction >> 24n)) << 30n)
    const spread = scaleOracle(16n * normalOracle(word), deviation, 32n)
    const value = whole + ((spread + (fraction >> 17n) + (1n << 14n)) >> 15n)
    return value < 0n ? 0n : value
  }
  const mean = (whole << 27n) + (fraction >> 5n)
  const exponent = (scaleOracle(2n * mean, 3098164009n, 32n) + 4n) >> 3n
  const terms = [exp2Oracle(-exponent, 0n)]
  for (let k = 1n; k <= 48n; k++) terms.push(((terms.at(-1) as bigint) * mean) / ((1n << 27n) * k))
  let cumulated = 0n
  let n = 0n
  for (let k = 0; k < 48; k++) {
    cumulated += terms[k] as bigint
    if (word >> 2n < cumulated || terms[k + 1] === 0n) break
    n++
  }
  return n
}
