import { invariant } from '../errors.ts'

/**
 * Binomial probabilities in IEEE doubles by + - * / alone, in a written order: every engine gives the same bits. Values
 * far below the smallest double occur on the way, so they are kept as mantissa and exponent.
 */

/** mantissa * 2^(256 exponent), the mantissa at least 2^-256. */
interface Scaled {
  readonly mantissa: number
  readonly exponent: number
}

const STEP = 2 ** 256

function scale(mantissa: number, exponent: number): Scaled {
  if (mantissa === 0) return { mantissa, exponent: 0 }
  if (mantissa < 1 / STEP) return { mantissa: mantissa * STEP, exponent: exponent - 1 }
  if (mantissa > STEP) return { mantissa: mantissa / STEP, exponent: exponent + 1 }
  return { mantissa, exponent }
}

function multiply(a: Scaled, b: Scaled): Scaled {
  return scale(a.mantissa * b.mantissa, a.exponent + b.exponent)
}

function toNumber({ mantissa, exponent }: Scaled): number {
  let value = mantissa
  for (let e = exponent; e < 0 && value > 0; e++) value /= STEP
  for (let e = exponent; e > 0; e--) value *= STEP
  return value
}

/** base^n by squaring; the relative error is about n 2^-53. @param base in [0, 1] */
function scaledPower(base: number, n: number): Scaled {
  let power: Scaled = { mantissa: 1, exponent: 0 }
  let square = scale(base, 0)
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) power = multiply(power, square)
    square = multiply(square, square)
  }
  return power
}

/** base^n for a base in [0, 1] and a natural n. */
export function power(base: number, n: number): number {
  invariant(base >= 0 && base <= 1 && Number.isSafeInteger(n) && n >= 0, 'a power of a probability')
  return toNumber(scaledPower(base, n))
}

/** C(n, k) p^k (1 - p)^(n - k). */
function term(n: number, k: number, p: number): Scaled {
  let product = scaledPower(1 - p, n - k)
  for (let j = 1; j <= k; j++) product = multiply(product, scale(((n - k + j) / j) * p, 0))
  return product
}

/** P(X <= k) of X ~ Binomial(n, p), summed from the term at k downwards while it counts. */
export function binomialCdf(k: number, n: number, p: number): number {
  invariant(Number.isSafeInteger(n) && Number.isSafeInteger(k) && k >= 0 && k <= n, 'k of n trials')
  if (k === n || p <= 0) return 1
  if (p >= 1) return 0
  let weight = 1
  let sum = 1
  const odds = (1 - p) / p
  for (let j = k; j > 0; j--) {
    const ratio = (j / (n - j + 1)) * odds
    weight *= ratio
    sum += weight
    // The ratio falls with j, so the rest is below the last place of the sum.
    if (ratio < 0.5 && weight < sum * 2 ** -60) break
    if (sum > STEP) return 1 - upperTail(k, n, p)
  }
  return toNumber(multiply(term(n, k, p), scale(sum, 0)))
}

/** P(X > k), from the term at k + 1 upwards. */
function upperTail(k: number, n: number, p: number): number {
  let weight = 1
  let sum = 1
  const odds = p / (1 - p)
  for (let j = k + 1; j < n && weight >= sum * 2 ** -60; j++) {
    weight *= ((n - j) / (j + 1)) * odds
    sum += weight
  }
  return toNumber(multiply(term(n, k + 1, p), scale(sum, 0)))
}
