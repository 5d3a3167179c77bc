import type { BinaryOp } from './ir.ts'
import { ANY, type Range } from './range.ts'

/** The comparison that holds where another does not. */
export const NEGATED: Partial<Record<BinaryOp, BinaryOp>> = {
  eq: 'ne',
  ne: 'eq',
  lt_u: 'ge_u',
  ge_u: 'lt_u',
  gt_u: 'le_u',
  le_u: 'gt_u',
  lt_s: 'ge_s',
  ge_s: 'lt_s',
  gt_s: 'le_s',
  le_s: 'gt_s',
}

/** What a comparison that holds says of both sides. */
export function narrow(op: BinaryOp, a: Range, b: Range): readonly [Range, Range] | undefined {
  const bounded = { a: a.bounded || b.bounded, b: b.bounded }
  const signedRange = (low: number, high: number, isBounded: boolean): Range => ({
    ...ANY,
    signedLow: low,
    signedHigh: high,
    bounded: isBounded,
  })
  switch (op) {
    case 'eq':
      return [
        { ...b, bounded: bounded.a },
        { ...a, bounded: a.bounded || b.bounded },
      ]
    case 'ne':
      if (b.low === b.high && a.low === b.low)
        return [
          { ...ANY, low: a.low + 1, bounded: a.bounded },
          { ...ANY, bounded: b.bounded },
        ]
      if (b.low === b.high && a.high === b.low)
        return [
          { ...ANY, high: a.high - 1, bounded: a.bounded },
          { ...ANY, bounded: b.bounded },
        ]
      return undefined
    case 'lt_u':
      return [
        { ...ANY, high: Math.max(b.high - 1, 0), bounded: bounded.a },
        { ...ANY, low: Math.min(a.low + 1, 0xffffffff), bounded: bounded.b },
      ]
    case 'le_u':
      return [
        { ...ANY, high: b.high, bounded: bounded.a },
        { ...ANY, low: a.low, bounded: bounded.b },
      ]
    case 'gt_u':
    case 'ge_u': {
      const turned = narrow(op === 'gt_u' ? 'lt_u' : 'le_u', b, a)!
      return [turned[1], turned[0]]
    }
    case 'lt_s':
      return [
        signedRange(-0x80000000, b.signedHigh - 1, a.bounded),
        signedRange(a.signedLow + 1, 0x7fffffff, b.bounded),
      ]
    case 'le_s':
      return [
        signedRange(-0x80000000, b.signedHigh, a.bounded),
        signedRange(a.signedLow, 0x7fffffff, b.bounded),
      ]
    case 'gt_s':
    case 'ge_s': {
      const turned = narrow(op === 'gt_s' ? 'lt_s' : 'le_s', b, a)!
      return [turned[1], turned[0]]
    }
    default:
      return undefined
  }
}
