import { exp2Q30 } from '../../kernel/numerics/exp2.ts'
import { log2Q26 } from '../../kernel/numerics/log2.test-support.ts'
import { normalQuantileQ24 } from '../../kernel/numerics/normal.ts'
import { sqrtQ30 } from '../../kernel/numerics/sqrt.ts'
import type { Choices } from './random-choices.test-support.ts'

/** What one invocation sees and changes, on JavaScript's numbers. */
export interface World {
  readonly gid: number
  readonly shard: number
  readonly uniforms: readonly number[]
  readonly input: Uint32Array
  readonly table: Uint32Array
  readonly out: Uint32Array
  /** The words of this program's results and of its shared sums in `out`. */
  readonly results: number
  readonly sums: number
  readonly u: number[]
  readonly i: number[]
  readonly f: number[]
  readonly v: number[]
  readonly array: number[]
}

/** A piece of WGSL, and the same in JavaScript. */
export interface Piece<T> {
  readonly text: string
  readonly run: (world: World) => T
}

/** An f32: integers only, the magnitudes of whose terms sum to at most `terms`. */
export interface FloatPiece extends Piece<number> {
  readonly terms: number
}

export const INPUT_WORDS = 64
export const TABLE_ROWS = 16
/** Variables of a program, by type, and the words of its array. */
export const VARIABLES = { u: 4, i: 3, f: 2, array: 8 } as const
/** The magnitude of an f32 variable, at most. */
const FLOAT_VARIABLE = 4096

const EDGES = [0, 1, 2, 3, 31, 32, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

/** Random expressions of Tier A. */
export class RandomExpressions {
  readonly #c: Choices

  constructor(choices: Choices) {
    this.#c = choices
  }

  /**
   * @param variable not a literal. The first operand of every operation is none: WGSL evaluates expressions of literals
   * when it compiles, and refuses those that overflow.
   */
  u(depth: number, variable = false): Piece<number> {
    const c = this.#c
    if (depth === 0) {
      switch (variable ? 1 + c.below(4) : c.below(5)) {
        case 0: {
          const value = c.below(2) === 0 ? c.pick(EDGES) : c.word()
          return { text: `${value}u`, run: () => value }
        }
        case 1: {
          const at = c.below(4)
          return { text: `v.${'xyzw'[at]}`, run: (w) => w.v[at]! }
        }
        case 2: {
          const n = c.below(2)
          return { text: n === 0 ? 'params.low' : 'params.any', run: (w) => w.uniforms[n]! }
        }
        default: {
          const n = c.below(VARIABLES.u)
          return { text: `u${n}`, run: (w) => w.u[n]! }
        }
      }
    }
    const a = this.u(depth - 1, true)
    switch (c.below(16)) {
      case 0: {
        const signed = this.i(depth - 1, true)
        return { text: `u32(${signed.text})`, run: (w) => signed.run(w) >>> 0 }
      }
      case 1: {
        const when = this.bool(depth - 1)
        const b = this.u(depth - 1)
        return {
          text: `select(${a.text}, ${b.text}, ${when.text})`,
          // Not a conditional: all three are evaluated, in this order.
          run: (w) => {
            const no = a.run(w)
            const yes = b.run(w)
            return when.run(w) ? yes : no
          },
        }
      }
      case 2: {
        const name = c.pick(['countLeadingZeros', 'countTrailingZeros', 'countOneBits'] as const)
        return { text: `${name}(${a.text})`, run: (w) => COUNTS[name](a.run(w)) }
      }
      case 3: {
        const b = this.u(depth - 1)
        const operator = c.pick(['<<', '>>'])
        return {
          text: `(${a.text} ${operator} (${b.text} & 31u))`,
          run: (w) => (operator === '<<' ? a.run(w) << (b.run(w) & 31) : a.run(w) >>> (b.run(w) & 31)) >>> 0,
        }
      }
      case 4: {
        const b = this.u(depth - 1)
        const operator = c.pick(['/', '%'])
        return {
          text: `(${a.text} ${operator} (${b.text} | 1u))`,
          run: (w) => {
            const x = a.run(w)
            const divisor = (b.run(w) | 1) >>> 0
            return operator === '/' ? Math.floor(x / divisor) : x % divisor
          },
        }
      }
      case 5: {
        const b = this.u(depth - 1)
        const name = c.pick(['min', 'max'] as const)
        return { text: `${name}(${a.text}, ${b.text})`, run: (w) => Math[name](a.run(w), b.run(w)) }
      }
      case 6: {
        const b = this.u(depth - 1)
        const part = c.below(2)
        return {
          text: `mul_wide(${a.text}, ${b.text}).${'xy'[part]}`,
          run: (w) => Number(((BigInt(a.run(w)) * BigInt(b.run(w))) >> BigInt(32 * part)) & 0xffffffffn),
        }
      }
      case 7:
        return {
          text: `input[${a.text} & ${INPUT_WORDS - 1}u]`,
          run: (w) => w.input[a.run(w) & (INPUT_WORDS - 1)]!,
        }
      case 8: {
        const part = c.below(4)
        return {
          text: `table[${a.text} & ${TABLE_ROWS - 1}u].${'xyzw'[part]}`,
          run: (w) => w.table[4 * (a.run(w) & (TABLE_ROWS - 1)) + part]!,
        }
      }
      case 9:
        return {
          text: `a[${a.text} & ${VARIABLES.array - 1}u]`,
          run: (w) => w.array[a.run(w) & (VARIABLES.array - 1)]!,
        }
      case 10: {
        const [text, run] = c.pick(PRELUDE)
        return { text: text(a.text), run: (w) => run(a.run(w)) >>> 0 }
      }
      case 11: {
        const b = this.u(depth - 1)
        const s = this.u(0)
        return {
          text: `mul_shift_round(${a.text}, ${b.text}, ${s.text} & 31u)`,
          run: (w) => {
            const product = BigInt(a.run(w)) * BigInt(b.run(w))
            const shift = BigInt(s.run(w) & 31)
            return Number(BigInt.asUintN(32, (product + ((1n << shift) >> 1n)) >> shift))
          },
        }
      }
      case 12: {
        const float = this.f(depth - 1, true)
        return { text: `u32(abs(${float.text}))`, run: (w) => Math.abs(float.run(w)) }
      }
      case 13:
        return {
          text: `early(${a.text}, &u3)`,
          run: (w) => {
            const x = a.run(w)
            if (x > 1000) return (x ^ 5) >>> 0
            w.u[3] = (w.u[3]! + 1) >>> 0
            return w.u[3]!
          },
        }
      default: {
        const b = this.u(depth - 1)
        const operator = c.pick(['+', '-', '*', '&', '|', '^'])
        return {
          text: `(${a.text} ${operator} ${b.text})`,
          run: (w) => arithmetic(operator, a.run(w), b.run(w)),
        }
      }
    }
  }

  i(depth: number, variable = false): Piece<number> {
    const c = this.#c
    if (depth === 0) {
      const n = c.below(VARIABLES.i + (variable ? 0 : 1))
      if (n < VARIABLES.i) return { text: `i${n}`, run: (w) => w.i[n]! }
      const value = c.below(2000) - 1000
      return { text: `${value}i`, run: () => value }
    }
    const a = this.i(depth - 1, true)
    switch (c.below(7)) {
      case 0: {
        const u = this.u(depth - 1, true)
        return { text: `i32(${u.text})`, run: (w) => u.run(w) | 0 }
      }
      case 1:
        return c.below(2) === 0
          ? { text: `abs(${a.text})`, run: (w) => Math.abs(a.run(w)) | 0 }
          : { text: `(-(${a.text}))`, run: (w) => -a.run(w) | 0 }
      case 2: {
        const b = this.u(depth - 1)
        return { text: `(${a.text} >> (${b.text} & 31u))`, run: (w) => a.run(w) >> (b.run(w) & 31) }
      }
      case 4: {
        const float = this.f(depth - 1, true)
        return { text: `i32(${float.text})`, run: (w) => float.run(w) | 0 }
      }
      case 3: {
        const b = this.i(depth - 1)
        const name = c.pick(['min', 'max'] as const)
        return { text: `${name}(${a.text}, ${b.text})`, run: (w) => Math[name](a.run(w), b.run(w)) }
      }
      default: {
        const b = this.i(depth - 1)
        const operator = c.pick(['+', '-', '*', '&', '|', '^'])
        return {
          text: `(${a.text} ${operator} ${b.text})`,
          run: (w) => arithmetic(operator, a.run(w), b.run(w)) | 0,
        }
      }
    }
  }

  /** An f32 whose terms sum to at most 2^20 in magnitude. */
  f(depth: number, variable = false): FloatPiece {
    const c = this.#c
    if (depth === 0) {
      const n = c.below(VARIABLES.f + (variable ? 0 : 1))
      if (n < VARIABLES.f) return { text: `f${n}`, run: (w) => w.f[n]!, terms: FLOAT_VARIABLE }
      const value = c.below(200) - 100
      return { text: `${value}.0`, run: () => value, terms: 100 }
    }
    const a = c.below(3) === 0 ? this.fromInteger(depth - 1, true) : this.f(depth - 1, true)
    const b = c.below(4) === 0 ? this.fromInteger(depth - 1) : this.f(depth - 1)
    const terms = Math.max(a.terms, b.terms)
    switch (c.below(7)) {
      case 0:
        return c.below(2) === 0
          ? { text: `abs(${a.text})`, run: (w) => Math.abs(a.run(w)), terms: a.terms }
          : { text: `(-(${a.text}))`, run: (w) => 0 - a.run(w), terms: a.terms }
      case 1: {
        const name = c.pick(['min', 'max'] as const)
        return {
          text: `${name}(${a.text}, ${b.text})`,
          run: (w) => Math[name](a.run(w), b.run(w)),
          terms,
        }
      }
      case 2: {
        const when = this.bool(depth - 1)
        return {
          text: `select(${a.text}, ${b.text}, ${when.text})`,
          run: (w) => {
            const no = a.run(w)
            const yes = b.run(w)
            return when.run(w) ? yes : no
          },
          terms,
        }
      }
      case 3:
      case 4:
        if (a.terms * b.terms <= 2 ** 20)
          return {
            text: `(${a.text} * ${b.text})`,
            run: (w) => a.run(w) * b.run(w),
            terms: a.terms * b.terms,
          }
        break
      default:
    }
    if (a.terms + b.terms > 2 ** 20) return a
    const operator = c.pick(['+', '-'])
    return {
      text: `(${a.text} ${operator} ${b.text})`,
      run: (w) => (operator === '+' ? a.run(w) + b.run(w) : a.run(w) - b.run(w)),
      terms: a.terms + b.terms,
    }
  }

  /** A value that an f32 variable may have. */
  fromInteger(depth: number, variable = false): FloatPiece {
    const c = this.#c
    const terms = FLOAT_VARIABLE
    if (c.below(2) === 0) {
      const u = this.u(depth, variable)
      return { text: `f32(${u.text} & 0xfffu)`, run: (w) => u.run(w) & 0xfff, terms }
    }
    const i = this.i(depth, variable)
    const shift = 20 + c.below(10)
    return { text: `f32((${i.text}) >> ${shift}u)`, run: (w) => i.run(w) >> shift, terms }
  }

  bool(depth: number): Piece<boolean> {
    const c = this.#c
    if (depth > 0 && c.below(3) === 0) {
      const a = this.bool(depth - 1)
      if (c.below(3) === 0) return { text: `!(${a.text})`, run: (w) => !a.run(w) }
      const b = this.bool(depth - 1)
      return c.below(2) === 0
        ? { text: `(${a.text} && ${b.text})`, run: (w) => a.run(w) && b.run(w) }
        : { text: `(${a.text} || ${b.text})`, run: (w) => a.run(w) || b.run(w) }
    }
    const operator = c.pick(['<', '<=', '>', '>=', '==', '!='])
    if (c.below(5) === 0) {
      const a = this.f(depth)
      const b = this.f(depth)
      return { text: `${a.text} ${operator} ${b.text}`, run: (w) => compare(operator, a.run(w), b.run(w)) }
    }
    const signed = c.below(2) === 0
    const a = signed ? this.i(depth) : this.u(depth)
    const b = signed ? this.i(depth) : this.u(depth)
    return { text: `${a.text} ${operator} ${b.text}`, run: (w) => compare(operator, a.run(w), b.run(w)) }
  }
}

const PRELUDE: readonly (readonly [(argument: string) => string, (word: number) => number])[] = [
  [(a) => `u32(normal_q24(${a}))`, normalQuantileQ24],
  [(a) => `exp2_q30(${a})`, (word) => exp2Q30(word & 0xffffff)],
  [(a) => `log2_q26(${a})`, log2Q26],
  [(a) => `sqrt_q30(${a})`, sqrtQ30],
]

const COUNTS = {
  countLeadingZeros: (x: number) => Math.clz32(x),
  countTrailingZeros: (x: number) => (x === 0 ? 32 : 31 - Math.clz32(x & -x)),
  countOneBits: (x: number) => x.toString(2).replaceAll('0', '').length,
}

export function arithmetic(operator: string, a: number, b: number): number {
  switch (operator) {
    case '+':
      return (a + b) >>> 0
    case '-':
      return (a - b) >>> 0
    case '*':
      return Math.imul(a, b) >>> 0
    case '&':
      return (a & b) >>> 0
    case '|':
      return (a | b) >>> 0
    default:
      return (a ^ b) >>> 0
  }
}

function compare(operator: string, a: number, b: number): boolean {
  switch (operator) {
    case '<':
      return a < b
    case '<=':
      return a <= b
    case '>':
      return a > b
    case '>=':
      return a >= b
    case '==':
      return a === b
    default:
      return a !== b
  }
}
