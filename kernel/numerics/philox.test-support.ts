const MASK = 0xffffffffn

/** Philox4x32 as its paper writes it, in BigInt: the oracle of ours and of the ops' oracles. */
export function philoxOracle(counter: readonly bigint[], key: readonly bigint[], rounds = 10): bigint[] {
  let [a, b, c, d] = counter as [bigint, bigint, bigint, bigint]
  let [k0, k1] = key as [bigint, bigint]
  for (let round = 0; round < rounds; round++) {
    const p0 = a * 0xd2511f53n
    const p1 = c * 0xcd9e8d57n
    ;[a, b, c, d] = [(p1 >> 32n) ^ b ^ k0, p1 & MASK, (p0 >> 32n) ^ d ^ k1, p0 & MASK]
    k0 = (k0 + 0x9e3779b9n) & MASK
    k1 = (k1 + 0xbb67ae85n) & MASK
  }
  return [a, b, c, d]
}
