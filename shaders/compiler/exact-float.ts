import type { BinaryOp, FloatOp, Scalar } from './ir.ts'
import { ANY, type Range, signed } from './range.ts'
import { KernelRefusal, type Place } from './refusal.ts'

/**
 * f32 as exact integers. A device may round, reassociate and fuse as it likes: while the magnitudes of all terms of a sum
 * add up to at most 2^24, every partial sum in any order is an integer that f32 holds. So each f32 carries, besides its
 * bounds, a bound of that sum of magnitudes, and nothing but + - * and comparisons is done with it.
 */
export const FLOAT_MAX = 2 ** 24

/** An f32 of which nothing is known yet. */
export const UNKNOWN_FLOAT: Range = { ...ANY, terms: Number.POSITIVE_INFINITY }

/** An f32 within bounds, added up from terms whose magnitudes sum to at most `terms`. */
export function floatRange(low: number, high: number, terms: number, bounded: boolean): Range {
  return low >= -(2 ** 31) && high < 2 ** 31
    ? { ...signed(low, high, bounded), terms }
    : { ...ANY, bounded, terms }
}

/** The sum of magnitudes behind the result of an operation on f32. */
export function termsOf(op: BinaryOp, a: Range, b: Range): number {
  switch (op) {
    case 'add':
    case 'sub':
      return a.terms + b.terms
    case 'mul':
      return a.terms === 0 || b.terms === 0 ? 0 : a.terms * b.terms
    default:
      return Math.max(a.terms, b.terms)
  }
}

/** @throws KernelRefusal where the result of an operation on f32 may be rounded */
export function assertExact(terms: number, place: Place): void {
  if (terms <= FLOAT_MAX) return
  if (terms === Number.POSITIVE_INFINITY)
    throw new KernelRefusal(
      place,
      'no bound of this f32 could be found: it grows from one round of a loop to the next',
      'Add to it only, x = x + term, in a loop with a bound; or sum in i32, and convert each block by i32()',
    )
  throw new KernelRefusal(
    place,
    `the terms of this f32 can add up to ${terms} in magnitude; beyond ${FLOAT_MAX} their sum may be rounded`,
    'Use smaller factors or fewer terms, and add blocks of them in i32: total = total + i32(block)',
  )
}

/** @throws KernelRefusal where a conversion to f32 may round, or one from f32 may leave its type */
export function assertConversion(op: FloatOp, value: Range, from: Scalar, place: Place): void {
  if (op === 'to_f32') {
    const most = magnitudeOf(value, from)
    if (most > FLOAT_MAX)
      throw new KernelRefusal(
        place,
        `an integer converted to f32 can reach ${most} in magnitude; beyond ${FLOAT_MAX} it may be rounded`,
        'Bound it first: mask it, shift it, min()',
      )
  } else if (op === 'to_u32' && value.signedLow < 0)
    throw new KernelRefusal(
      place,
      `an f32 converted to u32 can be ${value.signedLow}`,
      'Convert it by i32() first: u32(i32(x))',
    )
}

/** The magnitude of an integer that becomes an f32. */
export function magnitudeOf(value: Range, from: Scalar): number {
  return from === 'u32' ? value.high : Math.max(Math.abs(value.signedLow), Math.abs(value.signedHigh))
}
