import { expQ, toFixedQ } from './bigmath.ts'

const Q = 96

/**
 * Thresholds of a Poisson variable drawn from a uniform word: threshold k is ceil(2^32 P(N <= k)) - 1, and N is the number
 * of thresholds below the word, so that P(N <= k) is exact to 2^-32. The last value takes the rest of the probability.
 * @param mean exact value of the double, at most 200
 * @param count how many thresholds; N is at most that many
 */
export function poissonThresholds(mean: number, count: number): number[] {
  const lambda = toFixedQ(mean, Q)
  const one = 1n << BigInt(Q)
  // e^-mean and the terms with 320 bits more, so that a mean of 200 loses nothing.
  const wide = Q + 320
  let term = expQ(-(lambda << 320n), wide)
  let sum = 0n
  return Array.from({ length: count }, (_, k) => {
    sum += term
    term = (term * lambda) / (BigInt(k + 1) * one)
    const words = (sum + ((1n << BigInt(wide - 32)) - 1n)) >> BigInt(wide - 32)
    const threshold = (words > 1n << 32n ? 1n << 32n : words) - 1n
    return Number(threshold < 0n ? 0n : threshold)
  })
}

/** How many of the ascending thresholds lie below the word. */
export function countBelow(thresholds: readonly number[], word: number): number {
  let low = 0
  let high = thresholds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (word > (thresholds[middle] as number)) low = middle + 1
    else high = middle
  }
  return low
}
