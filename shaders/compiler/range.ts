import { evaluateBinary, evaluateUnary } from './arithmetic.ts'
import type { BinaryOp, UnaryOp } from './ir.ts'

/**
 * What is known of a 32-bit value: bounds as unsigned and as signed number, and the bits that are always 0 or always 1.
 * `bounded`: the value does not come straight from data in a buffer, so that an index of it is meant to be an index.
 */
export interface Range {
  readonly low: number
  readonly high: number
  readonly signedLow: number
  readonly signedHigh: number
  readonly zeros: number
  readonly ones: number
  readonly bounded: boolean
  /** Of an f32: an upper bound of the sum of the magnitudes of all terms that it was added up from. Else 0. */
  readonly terms: number
}

const MAX = 0xffffffff
const SIGNED_MIN = -0x80000000
const SIGNED_MAX = 0x7fffffff

export const ANY: Range = {
  low: 0,
  high: MAX,
  signedLow: SIGNED_MIN,
  signedHigh: SIGNED_MAX,
  zeros: 0,
  ones: 0,
  bounded: true,
  terms: 0,
}
export const DATA: Range = { ...ANY, bounded: false }

export function unsigned(low: number, high: number, bounded = true): Range {
  return tighten({ ...ANY, low, high, bounded })
}

export function signed(low: number, high: number, bounded = true): Range {
  return tighten({ ...ANY, signedLow: low, signedHigh: high, bounded })
}

export function exactly(value: number): Range {
  return {
    low: value,
    high: value,
    signedLow: value | 0,
    signedHigh: value | 0,
    zeros: ~value >>> 0,
    ones: value,
    bounded: true,
    terms: 0,
  }
}

/** Lets each view of a value narrow the others. An empty range comes out as it went in: the code is never reached. */
function tighten(r: Range): Range {
  let { low, high, signedLow, signedHigh, zeros, ones } = r
  for (let pass = 0; pass < 2; pass++) {
    low = Math.max(low, ones)
    high = Math.min(high, ~zeros >>> 0)
    if (high <= SIGNED_MAX) {
      signedLow = Math.max(signedLow, low)
      signedHigh = Math.min(signedHigh, high)
    } else if (low > SIGNED_MAX) {
      signedLow = Math.max(signedLow, low - 2 ** 32)
      signedHigh = Math.min(signedHigh, high - 2 ** 32)
    }
    if (signedLow >= 0) {
      low = Math.max(low, signedLow)
      high = Math.min(high, signedHigh)
    } else if (signedHigh < 0) {
      low = Math.max(low, signedLow + 2 ** 32)
      high = Math.min(high, signedHigh + 2 ** 32)
    }
    // Bits above the highest that differs between the bounds are known.
    const same = Math.clz32((low ^ high) >>> 0)
    const mask = same === 0 ? 0 : same >= 32 ? MAX : (MAX << (32 - same)) >>> 0
    ones = (ones | (low & mask)) >>> 0
    zeros = (zeros | (~low & mask)) >>> 0
  }
  return low > high || signedLow > signedHigh ? r : { ...r, low, high, signedLow, signedHigh, zeros, ones }
}

export function join(a: Range, b: Range): Range {
  return {
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
    signedLow: Math.min(a.signedLow, b.signedLow),
    signedHigh: Math.max(a.signedHigh, b.signedHigh),
    zeros: (a.zeros & b.zeros) >>> 0,
    ones: (a.ones & b.ones) >>> 0,
    bounded: a.bounded && b.bounded,
    terms: Math.max(a.terms, b.terms),
  }
}

/** Both are true of the value; `terms` are those of the first. */
export function meet(a: Range, b: Range): Range {
  return tighten({
    low: Math.max(a.low, b.low),
    high: Math.min(a.high, b.high),
    signedLow: Math.max(a.signedLow, b.signedLow),
    signedHigh: Math.min(a.signedHigh, b.signedHigh),
    zeros: (a.zeros | b.zeros) >>> 0,
    ones: (a.ones | b.ones) >>> 0,
    bounded: a.bounded || b.bounded,
    terms: a.terms,
  })
}

/** From one round of a loop to the next: a bound that moved is given up, so that the rounds end. */
export function widen(before: Range, after: Range): Range {
  return {
    low: after.low < before.low ? 0 : before.low,
    high: after.high > before.high ? MAX : before.high,
    signedLow: after.signedLow < before.signedLow ? SIGNED_MIN : before.signedLow,
    signedHigh: after.signedHigh > before.signedHigh ? SIGNED_MAX : before.signedHigh,
    zeros: (before.zeros & after.zeros) >>> 0,
    ones: (before.ones & after.ones) >>> 0,
    bounded: before.bounded && after.bounded,
    terms: after.terms > before.terms ? Number.POSITIVE_INFINITY : before.terms,
  }
}

export function sameRange(a: Range, b: Range): boolean {
  return (
    a.low === b.low &&
    a.high === b.high &&
    a.signedLow === b.signedLow &&
    a.signedHigh === b.signedHigh &&
    a.zeros === b.zeros &&
    a.ones === b.ones &&
    a.bounded === b.bounded &&
    a.terms === b.terms
  )
}

export function unaryRange(op: UnaryOp, a: Range): Range {
  if (a.low === a.high) return exactly(evaluateUnary(op, a.low))
  switch (op) {
    case 'to_f32':
    case 'to_i32':
    case 'to_u32':
      return { ...a, terms: 0 }
    case 'not':
      return unsigned(0, 1)
    case 'clz':
      return unsigned(Math.clz32(a.high), Math.clz32(a.low))
    case 'ctz':
      return unsigned(0, a.low > 0 ? 31 : 32)
    case 'popcnt':
      return unsigned(0, 32)
    case 'abs':
      return unsigned(0, Math.max(Math.abs(a.signedLow), Math.abs(a.signedHigh)), a.bounded)
    case 'neg':
      return a.signedLow > SIGNED_MIN
        ? signed(-a.signedHigh, -a.signedLow, a.bounded)
        : { ...ANY, bounded: a.bounded }
    case 'complement':
      return unsigned(MAX - a.high, MAX - a.low, a.bounded)
  }
}

export function binaryRange(op: BinaryOp, a: Range, b: Range): Range {
  if (a.low === a.high && b.low === b.high) {
    const value = evaluateBinary(op, a.low, b.low)
    if (value !== undefined) return exactly(value)
  }
  const bounded = a.bounded && b.bounded
  switch (op) {
    case 'add':
      return sumRange(a, b, bounded)
    case 'sub':
      return differenceRange(a, b, bounded)
    case 'mul': {
      const high = a.high * b.high
      const zeros = lowZeros(trailing(a) + trailing(b))
      const even = (range: Range): Range => tighten({ ...range, zeros: (range.zeros | zeros) >>> 0 })
      if (high <= MAX) return even(unsigned(a.low * b.low, high, bounded))
      const corners = [
        a.signedLow * b.signedLow,
        a.signedLow * b.signedHigh,
        a.signedHigh * b.signedLow,
        a.signedHigh * b.signedHigh,
      ]
      const least = Math.min(...corners)
      const most = Math.max(...corners)
      if (least >= SIGNED_MIN && most <= SIGNED_MAX) return even(signed(least, most, bounded))
      return { ...ANY, bounded, zeros }
    }
    case 'mul_high':
      return unsigned(
        Math.floor((a.low * b.low) / 2 ** 32) - (a.low * b.low >= 2 ** 53 ? 1 : 0),
        Math.min(MAX, Math.ceil((a.high * b.high) / 2 ** 32)),
        bounded,
      )
    case 'dot2_i16':
      return { ...ANY, bounded }
    case 'div_u':
      return unsigned(
        Math.floor(a.low / Math.max(b.high, 1)),
        Math.floor(a.high / Math.max(b.low, 1)),
        a.bounded,
      )
    case 'rem_u':
      return unsigned(0, Math.min(a.high, Math.max(b.high, 1) - 1), a.bounded || b.bounded)
    case 'and':
      return tighten({
        ...ANY,
        high: Math.min(a.high, b.high),
        zeros: (a.zeros | b.zeros) >>> 0,
        ones: (a.ones & b.ones) >>> 0,
        bounded: a.bounded || b.bounded,
      })
    case 'or':
      return tighten({
        ...ANY,
        low: Math.max(a.low, b.low),
        zeros: (a.zeros & b.zeros) >>> 0,
        ones: (a.ones | b.ones) >>> 0,
        bounded,
      })
    case 'xor':
      return tighten({
        ...ANY,
        zeros: ((a.zeros & b.zeros) | (a.ones & b.ones)) >>> 0,
        ones: ((a.zeros & b.ones) | (a.ones & b.zeros)) >>> 0,
        bounded,
      })
    case 'shl': {
      if (b.high > 31) return { ...ANY, bounded }
      if (a.high * 2 ** b.high <= MAX)
        return tighten({
          ...ANY,
          low: a.low * 2 ** b.low,
          high: a.high * 2 ** b.high,
          zeros: lowZeros(trailing(a) + b.low),
          bounded,
        })
      return { ...ANY, zeros: lowZeros(trailing(a) + b.low), bounded }
    }
    case 'shr_u':
      return unsigned(
        Math.floor(a.low / 2 ** Math.min(b.high, 31)),
        Math.floor(a.high / 2 ** Math.min(b.low, 31)),
        a.bounded,
      )
    case 'shr_s': {
      const corners = [b.low, b.high].flatMap((shift) => [
        Math.floor(a.signedLow / 2 ** Math.min(shift, 31)),
        Math.floor(a.signedHigh / 2 ** Math.min(shift, 31)),
      ])
      return signed(Math.min(...corners), Math.max(...corners), a.bounded)
    }
    case 'min_u':
      return unsigned(Math.min(a.low, b.low), Math.min(a.high, b.high), a.bounded || b.bounded)
    case 'max_u':
      return unsigned(Math.max(a.low, b.low), Math.max(a.high, b.high), bounded)
    case 'min_s':
      return signed(
        Math.min(a.signedLow, b.signedLow),
        Math.min(a.signedHigh, b.signedHigh),
        // A value that is not negative, and at most another, is an index as `min` of u32 is.
        bounded || (a.bounded && b.signedLow >= 0) || (b.bounded && a.signedLow >= 0),
      )
    case 'max_s':
      return signed(Math.max(a.signedLow, b.signedLow), Math.max(a.signedHigh, b.signedHigh), bounded)
    default:
      return unsigned(0, 1)
  }
}

function sumRange(a: Range, b: Range, bounded: boolean): Range {
  const low = a.low + b.low
  const high = a.high + b.high
  const signedLow = a.signedLow + b.signedLow
  const signedHigh = a.signedHigh + b.signedHigh
  const { zeros, ones } = lowBits(a, b)
  return tighten({
    low: high <= MAX ? low : low > MAX ? low - 2 ** 32 : 0,
    high: high <= MAX ? high : low > MAX ? high - 2 ** 32 : MAX,
    signedLow: signedLow >= SIGNED_MIN && signedHigh <= SIGNED_MAX ? signedLow : SIGNED_MIN,
    signedHigh: signedLow >= SIGNED_MIN && signedHigh <= SIGNED_MAX ? signedHigh : SIGNED_MAX,
    zeros,
    ones,
    bounded,
    terms: 0,
  })
}

function differenceRange(a: Range, b: Range, bounded: boolean): Range {
  const low = a.low - b.high
  const high = a.high - b.low
  const signedLow = a.signedLow - b.signedHigh
  const signedHigh = a.signedHigh - b.signedLow
  return tighten({
    ...ANY,
    low: low >= 0 ? low : high < 0 ? low + 2 ** 32 : 0,
    high: low >= 0 ? high : high < 0 ? high + 2 ** 32 : MAX,
    signedLow: signedLow >= SIGNED_MIN && signedHigh <= SIGNED_MAX ? signedLow : SIGNED_MIN,
    signedHigh: signedLow >= SIGNED_MIN && signedHigh <= SIGNED_MAX ? signedHigh : SIGNED_MAX,
    bounded,
  })
}

/** Low bits of a sum that are known because those of both terms are. */
function lowBits(a: Range, b: Range): { readonly zeros: number; readonly ones: number } {
  const unknown = ~((a.zeros | a.ones) & (b.zeros | b.ones)) >>> 0
  const known = unknown === 0 ? 32 : 31 - Math.clz32(unknown & -unknown)
  const mask = lowZeros(known)
  const sum = (a.ones + b.ones) >>> 0
  return { zeros: (~sum & mask) >>> 0, ones: (sum & mask) >>> 0 }
}

/** How many low bits are always 0. */
function trailing(a: Range): number {
  const rest = ~a.zeros >>> 0
  return rest === 0 ? 32 : 31 - Math.clz32(rest & -rest)
}

function lowZeros(bits: number): number {
  return bits >= 32 ? MAX : 2 ** bits - 1
}
