import type { BinaryOp, UnaryOp } from './ir.ts'

/** What the operations of the intermediate form mean, on 32 bits as unsigned numbers; bools are 0 and 1. */

export function evaluateUnary(op: UnaryOp, a: number): number {
  switch (op) {
    case 'neg':
      return -a >>> 0
    case 'complement':
      return ~a >>> 0
    case 'not':
      return a === 0 ? 1 : 0
    case 'clz':
      return Math.clz32(a)
    case 'ctz':
      return a === 0 ? 32 : 31 - Math.clz32(a & -a)
    case 'popcnt': {
      let count = 0
      for (let rest = a; rest !== 0; rest = (rest & (rest - 1)) >>> 0) count++
      return count
    }
    case 'to_f32':
    case 'to_i32':
    case 'to_u32':
      return a
    case 'abs':
      return Math.abs(a | 0) >>> 0
  }
}

/** @returns undefined for a division by zero and a shift by 32 or more, which have no meaning */
export function evaluateBinary(op: BinaryOp, a: number, b: number): number | undefined {
  switch (op) {
    case 'add':
      return (a + b) >>> 0
    case 'sub':
      return (a - b) >>> 0
    case 'mul':
      return Math.imul(a, b) >>> 0
    case 'mul_high':
      return Number((BigInt(a) * BigInt(b)) >> 32n)
    case 'dot2_i16':
      return (Math.imul((a << 16) >> 16, (b << 16) >> 16) + Math.imul((a | 0) >> 16, (b | 0) >> 16)) >>> 0
    case 'div_u':
      return b === 0 ? undefined : Math.floor(a / b)
    case 'rem_u':
      return b === 0 ? undefined : a % b
    case 'and':
      return (a & b) >>> 0
    case 'or':
      return (a | b) >>> 0
    case 'xor':
      return (a ^ b) >>> 0
    case 'shl':
      return b > 31 ? undefined : (a << b) >>> 0
    case 'shr_u':
      return b > 31 ? undefined : a >>> b
    case 'shr_s':
      return b > 31 ? undefined : ((a | 0) >> b) >>> 0
    case 'min_u':
      return Math.min(a, b)
    case 'min_s':
      return Math.min(a | 0, b | 0) >>> 0
    case 'max_u':
      return Math.max(a, b)
    case 'max_s':
      return Math.max(a | 0, b | 0) >>> 0
    case 'eq':
      return a === b ? 1 : 0
    case 'ne':
      return a !== b ? 1 : 0
    case 'lt_u':
      return a < b ? 1 : 0
    case 'le_u':
      return a <= b ? 1 : 0
    case 'gt_u':
      return a > b ? 1 : 0
    case 'ge_u':
      return a >= b ? 1 : 0
    case 'lt_s':
      return (a | 0) < (b | 0) ? 1 : 0
    case 'le_s':
      return (a | 0) <= (b | 0) ? 1 : 0
    case 'gt_s':
      return (a | 0) > (b | 0) ? 1 : 0
    case 'ge_s':
      return (a | 0) >= (b | 0) ? 1 : 0
  }
}
