/** The constants of FIPS 180-4 from their definition: the first 32 bits of the fractions of roots of the first primes. */

function primes(count: number): number[] {
  const found: number[] = []
  for (let candidate = 2; found.length < count; candidate++)
    if (found.every((prime) => candidate % prime !== 0)) found.push(candidate)
  return found
}

/** floor(value^(1/degree)), exactly. */
function integerRoot(value: bigint, degree: bigint): bigint {
  let [low, high] = [0n, value + 1n]
  while (high - low > 1n) {
    const middle = (low + high) / 2n
    if (middle ** degree <= value) low = middle
    else high = middle
  }
  return low
}

const fraction = (prime: number, degree: bigint): number =>
  Number(integerRoot(BigInt(prime) << (32n * degree), degree) & 0xffffffffn) | 0

/** K: of the cube roots of the first 64 primes. */
export const ROUND_CONSTANTS: readonly number[] = primes(64).map((prime) => fraction(prime, 3n))

/** H(0): of the square roots of the first 8. */
export const INITIAL_HASH: readonly number[] = primes(8).map((prime) => fraction(prime, 2n))
