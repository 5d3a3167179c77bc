import { philoxOracle } from '../../numerics/philox.test-support.ts'

/**
 * Points and points inside among the global indices first <= j < end, from the formula in BigInt: point j has words
 * (0, 1) of counter (0, low(j >> 1), high(j >> 1), 0) for even j, (2, 3) for odd j; inside iff x^2 + y^2 < 2^64.
 */
export function piOracle(key: readonly [number, number], first: bigint, end: bigint): [number, number] {
  let inside = 0
  for (let j = first; j < end; j++) {
    const pair = j >> 1n
    const words = philoxOracle([0n, pair & 0xffffffffn, pair >> 32n, 0n], [BigInt(key[0]), BigInt(key[1])])
    const [x, y] = (j & 1n ? words.slice(2) : words) as [bigint, bigint]
    if (x * x + y * y < 1n << 64n) inside++
  }
  return [Number(end - first), inside]
}
