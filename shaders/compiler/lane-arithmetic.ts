import type binaryen from 'binaryen'
import type { Code } from './emit-values.ts'
import type { BinaryOp } from './ir.ts'

/** A vector in a local, to be read any number of times. */
export interface Kept {
  readonly set: Code
  readonly get: () => Code
}
export type Keep = (value: Code) => Kept

/** Words 0, 2, 4, 6 and 1, 3, 5, 7 of two vectors. */
const EVEN_WORDS = [0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27]
const ODD_WORDS = EVEN_WORDS.map((byte) => byte + 4)
/** The lowest byte of each word, four times. */
const LOW_BYTES = [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12]
const POWERS = [1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0]
const BYTE_OFFSETS = [0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24, 0, 8, 16, 24]

const DIRECT: Partial<Record<BinaryOp, string>> = {
  add: 'add',
  sub: 'sub',
  mul: 'mul',
  dot2_i16: 'dot_i16x8_s',
  min_u: 'min_u',
  min_s: 'min_s',
  max_u: 'max_u',
  max_s: 'max_s',
  eq: 'eq',
  ne: 'ne',
  lt_u: 'lt_u',
  lt_s: 'lt_s',
  le_u: 'le_u',
  le_s: 'le_s',
  gt_u: 'gt_u',
  gt_s: 'gt_s',
  ge_u: 'ge_u',
  ge_s: 'ge_s',
}

/** Arithmetic on four lanes of 32 bits. What comparisons give, and bools, are masks: all bits 0 or all bits 1. */
export class LaneArithmetic {
  readonly #m: binaryen.Module
  readonly #keep: Keep

  constructor(m: binaryen.Module, keep: Keep) {
    this.#m = m
    this.#keep = keep
  }

  /** @returns undefined where lanes have to go one by one */
  binary(op: BinaryOp, a: Code, b: Code): Code | undefined {
    const m = this.#m
    const direct = DIRECT[op]
    if (direct !== undefined)
      return (m.i32x4 as unknown as Record<string, (a: Code, b: Code) => Code>)[direct]!(a, b)
    switch (op) {
      case 'and':
        return m.v128.and(a, b)
      case 'or':
        return m.v128.or(a, b)
      case 'xor':
        return m.v128.xor(a, b)
      case 'mul_high': {
        const left = this.#keep(a)
        const right = this.#keep(b)
        return this.#block([left.set, right.set], this.#products(left, right, ODD_WORDS))
      }
      case 'shl':
        return m.i32x4.mul(a, this.#power(b))
      case 'shr_u':
        return this.#shiftRight(a, b)
      case 'shr_s': {
        // Shifting the complement of a negative number brings in ones.
        const value = this.#keep(a)
        const sign = this.#keep(m.i32x4.shr_s(value.get(), m.i32.const(31)))
        return this.#block(
          [value.set, sign.set],
          m.v128.xor(this.#shiftRight(m.v128.xor(value.get(), sign.get()), b), sign.get()),
        )
      }
      default:
        return undefined
    }
  }

  /** Both words of the unsigned product, from two pairs of 64-bit products. */
  wideProduct(a: Code, b: Code, low: (value: Code) => Code, high: (value: Code) => Code): Code {
    const m = this.#m
    const left = this.#keep(a)
    const right = this.#keep(b)
    const first = this.#keep(m.i64x2.extmul_low_i32x4_u(left.get(), right.get()))
    const second = this.#keep(m.i64x2.extmul_high_i32x4_u(left.get(), right.get()))
    return m.block(null, [
      left.set,
      right.set,
      first.set,
      second.set,
      low(m.i8x16.shuffle(first.get(), second.get(), EVEN_WORDS)),
      high(m.i8x16.shuffle(first.get(), second.get(), ODD_WORDS)),
    ])
  }

  /**
   * Leading zeros of each lane, from the exponent of its conversion to f32. Bits that follow a one are cleared first, so
   * that rounding does not reach the next power of two; the lowest bit is shifted out, so that the conversion is that of
   * a signed number.
   */
  leadingZeros(a: Code): Code {
    const m = this.#m
    const value = this.#keep(a)
    const halved = this.#keep(m.i32x4.shr_u(value.get(), m.i32.const(1)))
    const clean = m.v128.andnot(halved.get(), m.i32x4.shr_u(halved.get(), m.i32.const(1)))
    const exponent = m.i32x4.shr_u(m.f32x4.convert_i32x4_s(clean), m.i32.const(23))
    // 157 - exponent; 31 where only the lowest bit may be set, and one more where not even that is.
    const zeros = m.i32x4.min_u(m.i32x4.sub(this.#splat(157), exponent), this.#splat(31))
    return this.#block([value.set, halved.set], m.i32x4.sub(zeros, m.i32x4.eq(value.get(), this.#splat(0))))
  }

  /** A value for each lane out of a scalar function of them. */
  oneByOne(lanes: readonly Code[]): Code {
    const m = this.#m
    return lanes
      .slice(1)
      .reduce(
        (vector, code, i) => m.i32x4.replace_lane(vector, (i + 1) as never, code),
        m.i32x4.splat(lanes[0]!),
      )
  }

  #products(a: Kept, b: Kept, words: readonly number[]): Code {
    const m = this.#m
    return m.i8x16.shuffle(
      m.i64x2.extmul_low_i32x4_u(a.get(), b.get()),
      m.i64x2.extmul_high_i32x4_u(a.get(), b.get()),
      words,
    )
  }

  /** 2^b for each lane, b below 32: byte b / 8 of the word is looked up as 2^(b mod 8), the others as 0. */
  #power(b: Code): Code {
    const m = this.#m
    const amount = this.#keep(b)
    const bytes = m.i8x16.sub(
      m.i8x16.shuffle(amount.get(), amount.get(), LOW_BYTES),
      m.v128.const(BYTE_OFFSETS),
    )
    return this.#block([amount.set], m.i8x16.swizzle(m.v128.const(POWERS), bytes))
  }

  /** a >> b = a 2^(31 - b) >> 31. */
  #shiftRight(a: Code, b: Code): Code {
    const m = this.#m
    const value = this.#keep(a)
    const power = this.#keep(this.#power(m.i32x4.sub(this.#splat(31), b)))
    const shifted = (product: Code) => m.i64x2.shr_u(product, m.i32.const(31))
    return this.#block(
      [value.set, power.set],
      m.i8x16.shuffle(
        shifted(m.i64x2.extmul_low_i32x4_u(value.get(), power.get())),
        shifted(m.i64x2.extmul_high_i32x4_u(value.get(), power.get())),
        EVEN_WORDS,
      ),
    )
  }

  #splat(value: number): Code {
    return this.#m.v128.const(new Uint8Array(Uint32Array.of(value, value, value, value).buffer))
  }

  #block(sets: readonly Code[], value: Code): Code {
    return this.#m.block(null, [...sets, value], VECTOR)
  }
}

/** binaryen.v128, which a type-only import cannot name. */
export const VECTOR = 6
