/**
 * The definition in BigInt: the least n < limit with |z_n|^2 >= 4 + 2^-24, or limit; z and c are Q28. A step rounds
 * x^2 - y^2 to the nearest, a half upwards, and 2 x y to the nearest, a half away from zero.
 */
export function oracleTime(cRe: bigint, cIm: bigint, limit: number): number {
  let x = 0n
  let y = 0n
  for (let n = 0; n < limit; n++) {
    if ((x * x + y * y) >> 32n > 1n << 26n) return n
    const size = ((x * y < 0n ? -x * y : x * y) * 2n + (1n << 27n)) >> 28n
    const next = ((x * x - y * y + (1n << 27n)) >> 28n) + cRe
    y = (x * y < 0n ? -size : size) + cIm
    x = next
  }
  return limit
}
