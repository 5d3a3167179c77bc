import { wordsToBytes } from '../../numerics/words.ts'

/** The definition: c[k] = sum of a[i] b[k - i]. */
export function schoolbook(a: readonly bigint[], b: readonly bigint[]): bigint[] {
  const c = new Array<bigint>(a.length + b.length - 1).fill(0n)
  a.forEach((x, i) => {
    b.forEach((y, j) => {
      c[i + j] = (c[i + j] as bigint) + x * y
    })
  })
  return c
}

/** A polynomial modulo x^size - weight over F_p. */
export function modulo(c: readonly bigint[], size: number, weight: bigint, p: bigint): bigint[] {
  const rest = new Array<bigint>(size).fill(0n)
  for (let i = c.length - 1; i >= 0; i--) {
    const j = i % size
    // Coefficients of x^(j + k size) come from the highest k down: Horner's rule in weight.
    rest[j] = ((((rest[j] as bigint) * weight + (c[i] as bigint)) % p) + p) % p
  }
  return rest
}

/** base^exponent mod p. */
export function power(base: bigint, exponent: bigint, p: bigint): bigint {
  let result = 1n
  for (let e = exponent, b = base % p; e > 0n; e >>= 1n, b = (b * b) % p)
    if (e & 1n) result = (result * b) % p
  return result
}

/** Three-word coefficients as numbers. */
export function coefficientsOf(bytes: Uint8Array, signed: boolean): bigint[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return Array.from({ length: bytes.length / 12 }, (_, i) => {
    const value =
      BigInt(view.getUint32(12 * i, true)) +
      (BigInt(view.getUint32(12 * i + 4, true)) << 32n) +
      (BigInt(view.getUint32(12 * i + 8, true)) << 64n)
    return signed ? BigInt.asIntN(96, value) : value
  })
}

export function digitsOf(value: bigint): Uint8Array {
  const words: number[] = []
  for (let rest = value; rest > 0n; rest >>= 32n) words.push(Number(rest & 0xffffffffn))
  return wordsToBytes(Uint32Array.from(words.length === 0 ? [0] : words))
}

export function numberOf(bytes: Uint8Array): bigint {
  let value = 0n
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) + BigInt(bytes[i] as number)
  return value
}
