/**
 * The three prime fields of the transform. p - 1 is a multiple of 2^25, and the product of the primes is above 2^92.6.
 * Everything here is plain residues in [0, p); the kernel's Montgomery form is its own affair.
 */

export interface PrimeField {
  readonly p: number
  /** A generator of the multiplicative group. */
  readonly generator: number
}

export const FIELDS = [
  { p: 2_013_265_921, generator: 31 },
  { p: 1_811_939_329, generator: 13 },
  { p: 2_113_929_217, generator: 5 },
] as const satisfies readonly PrimeField[]

/**
 * a b mod p for residues. The quotient in doubles is off by less than 2^-19 before it is cut to an integer, so the rest
 * lies within 2^12 of [0, p) and fits 32 bits, where its low word is exact.
 */
export function mulMod(a: number, b: number, p: number): number {
  const rest = (Math.imul(a, b) - Math.imul(Math.floor((a * b) / p), p)) | 0
  if (rest < 0) return rest + p
  return rest >= p ? rest - p : rest
}

export function addMod(a: number, b: number, p: number): number {
  const sum = a + b
  return sum >= p ? sum - p : sum
}

export function subMod(a: number, b: number, p: number): number {
  return a < b ? a - b + p : a - b
}

/** a^exponent mod p for a natural exponent below 2^31. */
export function powMod(a: number, exponent: number, p: number): number {
  let power = 1
  let square = a
  for (let rest = exponent; rest > 0; rest >>>= 1) {
    if (rest & 1) power = mulMod(power, square, p)
    square = mulMod(square, square, p)
  }
  return power
}

export function inverseMod(a: number, p: number): number {
  return powMod(a, p - 2, p)
}

/** A root of order 2^log2Order, the same power of the generator in every run. log2Order <= 25. */
export function rootOfOrder({ p, generator }: PrimeField, log2Order: number): number {
  return powMod(generator, (p - 1) / 2 ** log2Order, p)
}

/** zeta(k): the product of the roots of order 2^(i+1) over the bits i that k has. k < 2^25. */
export function zeta(field: PrimeField, k: number): number {
  let product = 1
  for (let bit = 0; k >> bit > 0; bit++) {
    if ((k >> bit) & 1) product = mulMod(product, rootOfOrder(field, bit + 1), field.p)
  }
  return product
}

/** zeta(2 k) for k < count, a power of two, or its inverses. */
export function zetaTable(field: PrimeField, count: number, inverse: boolean): Uint32Array {
  const table = new Uint32Array(count)
  table[0] = 1
  for (let bit = 0; 2 ** bit < count; bit++) {
    const root = rootOfOrder(field, bit + 2)
    const factor = inverse ? inverseMod(root, field.p) : root
    for (let k = 0; k < 2 ** bit; k++) table[2 ** bit + k] = mulMod(table[k] as number, factor, field.p)
  }
  return table
}
