import { invariant } from '../errors.ts'

/**
 * Exact arithmetic for plans and summaries. A value "in Qq" is a BigInt v that stands for v / 2^q. Nothing here uses
 * a floating-point function: planning constants and summaries reach digests, and ECMAScript leaves Math.exp and its
 * kin to the host. Doubles enter by their exact value and leave correctly rounded.
 */

/** Guard bits of the series below. Truncation of a few hundred terms costs less than 10 of them. */
const GUARD = 64

export interface Rational {
  readonly num: bigint
  /** Positive. For a double a power of two. */
  readonly den: bigint
}

/** The bits in |value|: 0 for 0, else floor(log2 |value|) + 1. */
export function bitLength(value: bigint): number {
  const hex = (value < 0n ? -value : value).toString(16)
  return 4 * (hex.length - 1) + 32 - Math.clz32(Number.parseInt(hex.charAt(0), 16))
}

/** num / den rounded to the nearest integer, a tie to the even one. den > 0. */
export function divideRound(num: bigint, den: bigint): bigint {
  invariant(den > 0n, 'a positive denominator')
  let floor = num / den
  let rest = num % den
  if (rest < 0n) {
    rest += den
    floor -= 1n
  }
  const twice = 2n * rest
  return twice > den || (twice === den && (floor & 1n) === 1n) ? floor + 1n : floor
}

/** value / 2^bits rounded to the nearest integer, a tie to the even one; bits may be negative (then exact). */
export function shiftRound(value: bigint, bits: number): bigint {
  if (bits <= 0) return value << BigInt(-bits)
  return divideRound(value, 1n << BigInt(bits))
}

/** The exact value of a finite double, in lowest terms. Source: IEEE 754-2019, binary64. */
export function exactRational(x: number): Rational {
  invariant(Number.isFinite(x), 'a finite number')
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, x)
  const bits = view.getBigUint64(0)
  const biased = Number((bits >> 52n) & 0x7ffn)
  const fraction = bits & 0xfffffffffffffn
  let mantissa = biased === 0 ? fraction : fraction | 0x10000000000000n
  if (mantissa === 0n) return { num: 0n, den: 1n }
  let exponent = (biased === 0 ? 1 : biased) - 1075
  while ((mantissa & 1n) === 0n && exponent < 0) {
    mantissa >>= 1n
    exponent++
  }
  const signed = bits >> 63n ? -mantissa : mantissa
  return exponent < 0
    ? { num: signed, den: 1n << BigInt(-exponent) }
    : { num: signed << BigInt(exponent), den: 1n }
}

/** The double's exact value times 2^q, rounded to the nearest integer, a tie to the even one. */
export function toFixedQ(x: number, q: number): bigint {
  const { num, den } = exactRational(x)
  return q >= 0 ? divideRound(num << BigInt(q), den) : divideRound(num, den << BigInt(-q))
}

/**
 * num / den as the nearest double, a tie to the even mantissa, gradual underflow and overflow as IEEE 754 rounds
 * them. den > 0.
 */
export function ratioToNumber(num: bigint, den: bigint): number {
  invariant(den > 0n, 'a positive denominator')
  if (num === 0n) return 0
  const magnitude = num < 0n ? -num : num
  // 2^(exponent-1) < magnitude / den < 2^(exponent+1): 53 bits or one more below the leading one, never finer than
  // the last place of the subnormals.
  const exponent = bitLength(magnitude) - bitLength(den)
  let last = exponent - 53
  const probe = last <= 0 ? (magnitude << BigInt(-last)) / den : magnitude / (den << BigInt(last))
  if (bitLength(probe) > 53) last++
  if (last < -1074) last = -1074
  let mantissa =
    last <= 0 ? divideRound(magnitude << BigInt(-last), den) : divideRound(magnitude, den << BigInt(last))
  if (bitLength(mantissa) > 53) {
    mantissa >>= 1n
    last++
  }
  const negative = num < 0n ? 1n : 0n
  const normal = bitLength(mantissa) === 53
  const biased = normal ? last + 1075 : 0
  const view = new DataView(new ArrayBuffer(8))
  if (biased >= 2047) view.setBigUint64(0, (negative << 63n) | (0x7ffn << 52n))
  else view.setBigUint64(0, (negative << 63n) | (BigInt(biased) << 52n) | (mantissa & 0xfffffffffffffn))
  return view.getFloat64(0)
}

/** The value in Qq as the nearest double. */
export function fixedToNumber(value: bigint, q: number): number {
  return q >= 0 ? ratioToNumber(value, 1n << BigInt(q)) : ratioToNumber(value << BigInt(-q), 1n)
}

/** floor(sqrt(value)), value >= 0, by Newton's method from above. */
export function integerSqrt(value: bigint): bigint {
  invariant(value >= 0n, 'a square root of a number that is not negative')
  if (value === 0n) return 0n
  let root = 1n << BigInt((bitLength(value) + 1) >> 1)
  for (;;) {
    const next = (root + value / root) >> 1n
    if (next >= root) return root
    root = next
  }
}

/** sqrt(x) in Qq of x >= 0 in Qq, correctly rounded (an exact half cannot occur). */
export function sqrtQ(x: bigint, q: number): bigint {
  const square = x << BigInt(q)
  const floor = integerSqrt(square)
  // floor + 1/2 < sqrt(square) exactly when floor^2 + floor < square.
  return floor * floor + floor < square ? floor + 1n : floor
}

/** atanh(num / den) in Qq, truncated, |num / den| <= 1/2: sum of z^(2k+1) / (2k+1). */
function atanhSeries(num: bigint, den: bigint, q: number): bigint {
  const square = num * num
  const squareDen = den * den
  let power = (num << BigInt(q)) / den
  let sum = 0n
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += power / k
    power = (power * square) / squareDen
  }
  return sum
}

/** ln 2 in Qq, correctly rounded for every q <= 1024 (tested). Machin-like: 18 atanh(1/26) - 2 atanh(1/4801) + 8 atanh(1/8749). */
export function ln2Q(q: number): bigint {
  const w = q + GUARD
  const sum = 18n * atanhSeries(1n, 26n, w) - 2n * atanhSeries(1n, 4801n, w) + 8n * atanhSeries(1n, 8749n, w)
  return shiftRound(sum, GUARD)
}

/** log2 e = 1 / ln 2 in Qq, within 0.5000001 units. */
export function log2eQ(q: number): bigint {
  const w = q + GUARD
  return shiftRound((1n << BigInt(2 * w)) / ln2Q(w), GUARD)
}

/**
 * e^x in Qq of x in Qq, within 0.5000001 units (the guard bits keep the series' error below 2^-40 of one).
 * Method: x = k ln 2 + r with |r| <= (ln 2) / 2, Taylor series in r.
 */
export function expQ(x: bigint, q: number): bigint {
  const one = 1n << BigInt(q)
  // An integer above log2(e^x), for the working precision: 1.44 < log2 e < 1.45.
  const bound = Number((x * (x < 0n ? 144n : 145n)) / (100n * one)) + 1
  invariant(bound < 65536, 'an exponential of less than 2^65536')
  if (bound < -q - 1) return 0n
  const w = q + GUARD + Math.max(bound, 0)
  const ln2 = ln2Q(w)
  const wide = x << BigInt(w - q)
  const k = divideRound(wide, ln2)
  const r = wide - k * ln2
  let sum = 0n
  let term = 1n << BigInt(w)
  for (let i = 1n; term !== 0n; i++) {
    sum += term
    term = (term * r) / (i << BigInt(w))
  }
  return shiftRound(sum, w - q - Number(k))
}

/**
 * ln x in Qq of x > 0 in Qq, within 0.5000001 units.
 * Method: x = 2^k m with m in [3/4, 3/2), ln m = 2 atanh((m - 1) / (m + 1)), argument within 1/5.
 */
export function lnQ(x: bigint, q: number): bigint {
  return lnRatioQ(x, 1n << BigInt(q), q)
}

/** ln(num / den) in Qq of a positive exact ratio, within 0.5000001 units. */
export function lnRatioQ(num: bigint, den: bigint, q: number): bigint {
  invariant(num > 0n && den > 0n, 'a logarithm of a positive number')
  const w = q + GUARD
  let k = bitLength(num) - bitLength(den)
  let a = k < 0 ? num << BigInt(-k) : num
  let b = k > 0 ? den << BigInt(k) : den
  // Now 1/2 < a / b < 2; halve or double once, into [3/4, 3/2).
  if (2n * a >= 3n * b) {
    b <<= 1n
    k++
  } else if (4n * a < 3n * b) {
    a <<= 1n
    k--
  }
  // Reduced to the working precision first, so that the series multiplies numbers of that size only.
  const z = ((a - b) << BigInt(w)) / (a + b)
  const series = atanhSeries(z, 1n << BigInt(w), w)
  return shiftRound(2n * series + BigInt(k) * ln2Q(w), GUARD)
}

/**
 * The standard normal distribution function of x in Qq, in Qq, within 0.5000001 units; q <= 512.
 * Method: 1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...), whose terms share a sign. Source: Abramowitz and Stegun 26.2.11.
 */
export function normalCdfQ(x: bigint, q: number): bigint {
  invariant(q <= 512, 'a normal distribution function of at most 512 fractional bits')
  const one = 1n << BigInt(q)
  const magnitude = x < 0n ? -x : x
  // At 32 sigma the tail is below 2^-740 and rounds away.
  if (magnitude >= 32n * one) return x < 0n ? 0n : one
  const w = q + GUARD
  const wide = magnitude << BigInt(w - q)
  const square = (wide * wide) >> BigInt(w)
  let sum = 0n
  let term = wide
  for (let k = 3n; term !== 0n; k += 2n) {
    sum += term
    term = (term * square) / (k << BigInt(w))
  }
  // The sum is below 2 e^(x^2 / 2) < 2^(x^2 + 1); phi divides that away and needs as many bits more.
  const p = w + Number(square >> BigInt(w)) + 2
  const phi = (expQ(-(square << BigInt(p - w)) >> 1n, p) << BigInt(p)) / sqrtQ(2n * piQ(p), p)
  const body = (phi * sum) >> BigInt(p)
  const half = 1n << BigInt(w - 1)
  return shiftRound(x < 0n ? half - body : half + body, w - q)
}

/** pi in Qq, correctly rounded for every q <= 1024 (tested). Machin: 16 atan(1/5) - 4 atan(1/239). */
export function piQ(q: number): bigint {
  const w = q + GUARD
  return shiftRound(16n * atanInverse(5n, w) - 4n * atanInverse(239n, w), GUARD)
}

function atanInverse(n: bigint, q: number): bigint {
  let power = (1n << BigInt(q)) / n
  let sum = 0n
  for (let k = 1n, sign = 1n; power !== 0n; k += 2n, sign = -sign) {
    sum += (sign * power) / k
    power /= n * n
  }
  return sum
}
