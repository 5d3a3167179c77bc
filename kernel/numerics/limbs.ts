/**
 * Wide accumulators as little-endian u32 limbs in a Uint32Array: what leaves are made of. Addition is modulo
 * 2^(32 limbs), so two's-complement values add as they are. The add functions neither allocate nor use BigInt.
 */

/** Adds a word to the number of `limbs` limbs at `at`, with the carry as far as it goes. */
function ripple(words: Uint32Array, at: number, limbs: number, word: number): void {
  let carry = word >>> 0
  for (let i = at; carry !== 0 && i < at + limbs; i++) {
    const sum = (words[i] as number) + carry
    words[i] = sum
    carry = sum > 0xffffffff ? 1 : 0
  }
}

/** words[at .. at+1] += (low, high), modulo 2^64. */
export function add64(words: Uint32Array, at: number, low: number, high: number): void {
  const sum = (words[at] as number) + (low >>> 0)
  words[at] = sum
  words[at + 1] = (words[at + 1] as number) + (high >>> 0) + (sum > 0xffffffff ? 1 : 0)
}

/** words[at .. at+2] += (w0, w1, w2), modulo 2^96. */
export function add96(words: Uint32Array, at: number, w0: number, w1: number, w2: number): void {
  ripple(words, at, 3, w0)
  ripple(words, at + 1, 2, w1)
  ripple(words, at + 2, 1, w2)
}

/** words[at .. at+3] += (w0, w1, w2, w3), modulo 2^128. */
export function add128(words: Uint32Array, at: number, w0: number, w1: number, w2: number, w3: number): void {
  ripple(words, at, 4, w0)
  ripple(words, at + 1, 3, w1)
  ripple(words, at + 2, 2, w2)
  ripple(words, at + 3, 1, w3)
}

/** The unsigned number of `limbs` limbs at `at`. */
export function limbsToBigInt(words: Uint32Array, at: number, limbs: number): bigint {
  let value = 0n
  for (let i = limbs - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[at + i] as number)
  return value
}

/** The two's-complement number of `limbs` limbs at `at`. */
export function limbsToSignedBigInt(words: Uint32Array, at: number, limbs: number): bigint {
  return BigInt.asIntN(32 * limbs, limbsToBigInt(words, at, limbs))
}

/**
 * Writes a number as `limbs` limbs, a negative one in two's complement.
 * @throws RangeError when it has no such form: below -2^(32 limbs - 1) or at least 2^(32 limbs)
 */
export function bigIntToLimbs(value: bigint, words: Uint32Array, at: number, limbs: number): void {
  const bits = BigInt(32 * limbs)
  if (value >= 1n << bits || value < -(1n << (bits - 1n))) {
    throw new RangeError(`${value} does not fit ${limbs} limbs`)
  }
  let rest = BigInt.asUintN(32 * limbs, value)
  for (let i = 0; i < limbs; i++) {
    words[at + i] = Number(rest & 0xffffffffn)
    rest >>= 32n
  }
}
