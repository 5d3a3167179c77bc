/**
 * Random Tier A kernels, each with its meaning: every piece of text comes with a function that does on JavaScript's
 * integers what the text says. That is the reference: it shares neither parser, nor types, nor code with the compiler.
 */

/** What one invocation sees and changes. */
export interface World {
  readonly gid: number
  readonly shard: number
  readonly uniforms: readonly number[]
  readonly input: Uint32Array
  readonly table: Uint32Array
  readonly out: Uint32Array
  /** The words of this program's results and of its shared sums in `out`. */
  results: number
  sums: number
  readonly u: number[]
  readonly i: number[]
  readonly v: number[]
  readonly array: number[]
}

interface Piece<T> {
  readonly text: string
  readonly run: (world: World) => T
}
type Signal = 'break' | 'continue' | undefined
type Statement = Piece<Signal>

export const INPUT_WORDS = 64
export const TABLE_ROWS = 16
export const RESULT_WORDS = 4
export const SUM_WORDS = 4
export const UNIFORM_LOW = 1
export const UNIFORM_HIGH = 5

const U = 4
const I = 3
const ARRAY = 8

/** A source of random choices: mulberry32, from a printed seed. */
export class Choices {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }

  below(n: number): number {
    return this.word() % n
  }

  pick<T>(options: readonly T[]): T {
    return options[this.below(options.length)] as T
  }
}

const EDGES = [0, 1, 2, 3, 31, 32, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff]

/** One random program: the body of a function `program_N(gid, shard, results, sums)`. */
export function randomProgram(
  choices: Choices,
  index: number,
): { readonly text: string; readonly run: (world: World) => void } {
  const generator = new Generator(choices)
  const body = Array.from({ length: 3 + choices.below(6) }, () => generator.statement(2, 0))
  const text = `fn program_${index}(gid: u32, shard: u32, results: u32, sums: u32) {
${Array.from({ length: U }, (_, n) => `  var u${n} = ${n === 0 ? 'gid' : n === 1 ? 'shard' : `${n}u`};`).join('\n')}
${Array.from({ length: I }, (_, n) => `  var i${n} = ${n === 0 ? 'i32(gid) - 3' : `${-n}`};`).join('\n')}
  var v = vec4<u32>(gid, 1u, 2u, shard);
  var a: array<u32, ${ARRAY}>;
${indented(body.map((piece) => piece.text).join('\n'))}
${Array.from({ length: RESULT_WORDS }, (_, n) => `  atomicStore(&output[results + ${n}u], ${['u0 ^ v.x ^ a[1]', 'u1 + u32(i0) ^ v.y', 'u2 ^ u32(i1) ^ v.z', 'u3 + u32(i2) + v.w + a[7]'][n]!.replace('u1 + u32(i0) ^ v.y', '(u1 + u32(i0)) ^ v.y')});`).join('\n')}
}`
  const run = (world: World): void => {
    world.u.splice(0, U, world.gid, world.shard, 2, 3)
    world.i.splice(0, I, (world.gid - 3) | 0, -1, -2)
    world.v.splice(0, 4, world.gid, 1, 2, world.shard)
    world.array.fill(0)
    for (const piece of body) piece.run(world)
    const { u, i, v, array } = world as { u: number[]; i: number[]; v: number[]; array: number[] }
    world.out.set(
      [
        u[0]! ^ v[0]! ^ array[1]!,
        (u[1]! + i[0]!) ^ v[1]!,
        u[2]! ^ i[1]! ^ v[2]!,
        u[3]! + i[2]! + v[3]! + array[7]!,
      ],
      world.results,
    )
  }
  return { text, run }
}

const indented = (text: string): string => text.replace(/^/gm, '  ')

class Generator {
  readonly #c: Choices
  #loops = 0

  constructor(choices: Choices) {
    this.#c = choices
  }

  statement(depth: number, loops: number): Statement {
    const c = this.#c
    const kinds = [
      'u',
      'u',
      'i',
      'v',
      'a',
      'sum',
      ...(depth > 0 ? ['if', 'if', 'for', 'switch', 'while'] : []),
      ...(loops > 0 ? ['leave'] : []),
    ]
    switch (c.pick(kinds)) {
      case 'u': {
        const n = c.below(U)
        const value = this.u(3)
        return {
          text: `u${n} = ${value.text};`,
          run: (w) => {
            w.u[n] = value.run(w)
            return undefined
          },
        }
      }
      case 'i': {
        const n = c.below(I)
        const value = this.i(3)
        return {
          text: `i${n} = ${value.text};`,
          run: (w) => {
            w.i[n] = value.run(w)
            return undefined
          },
        }
      }
      case 'v': {
        if (c.below(2) === 0) {
          const at = c.below(4)
          const value = this.u(2)
          return {
            text: `v.${'xyzw'[at]} = ${value.text};`,
            run: (w) => {
              w.v[at] = value.run(w)
              return undefined
            },
          }
        }
        const operator = c.pick(['+', '*', '^', '&'])
        const by = this.u(1)
        const order = Array.from({ length: 4 }, () => c.below(4))
        return {
          text: `v = v.${order.map((at) => 'xyzw'[at]).join('')} ${operator} ${by.text};`,
          run: (w) => {
            const other = by.run(w)
            w.v.splice(0, 4, ...order.map((at) => arithmetic(operator, w.v[at]!, other)))
            return undefined
          },
        }
      }
      case 'a': {
        const index = this.u(2)
        const value = this.u(2)
        const mask = ARRAY - 1
        return {
          text: `a[${index.text} & ${mask}u] = ${value.text};`,
          run: (w) => {
            const at = index.run(w) & mask
            w.array[at] = value.run(w)
            return undefined
          },
        }
      }
      case 'sum': {
        const at = c.below(SUM_WORDS)
        const value = this.u(2)
        // One operator a word: then the order of the invocations does not show.
        const operator = (['Add', 'Max', 'Xor', 'Or'] as const)[at]!
        return {
          text: `atomic${operator}(&output[sums + ${at}u], ${value.text});`,
          run: (w) => {
            const old = w.out[w.sums + at]!
            const by = value.run(w)
            w.out[w.sums + at] =
              operator === 'Add'
                ? old + by
                : operator === 'Max'
                  ? Math.max(old, by)
                  : operator === 'Or'
                    ? old | by
                    : old ^ by
            return undefined
          },
        }
      }
      case 'if': {
        const when = this.bool(2)
        const yes = this.block(depth - 1, loops)
        if (c.below(2) === 0)
          return {
            text: `if (${when.text}) {\n${yes.text}\n}`,
            run: (w) => (when.run(w) ? yes.run(w) : undefined),
          }
        const no = this.block(depth - 1, loops)
        return {
          text: `if (${when.text}) {\n${yes.text}\n} else {\n${no.text}\n}`,
          run: (w) => (when.run(w) ? yes.run(w) : no.run(w)),
        }
      }
      case 'for': {
        const name = `k${this.#loops++}`
        const end = this.#loopEnd()
        const body = this.block(depth - 1, loops + 1)
        return {
          text: `for (var ${name} = 0u; ${name} < ${end.text}; ${name} = ${name} + 1u) {\n  u${0} = u0 + ${name};\n${body.text}\n}`,
          run: (w) => {
            for (let k = 0; k < end.run(w); k++) {
              w.u[0] = (w.u[0]! + k) >>> 0
              if (body.run(w) === 'break') break
            }
            return undefined
          },
        }
      }
      case 'while': {
        const name = `k${this.#loops++}`
        const when = this.bool(1)
        const body = this.block(depth - 1, loops + 1)
        return {
          text: `var ${name} = 0u;\nloop {\n  if (${name} >= 4u || ${when.text}) {\n    break;\n  }\n${body.text}\n  continuing {\n    ${name} = ${name} + 1u;\n  }\n}`,
          run: (w) => {
            for (let k = 0; k < 4 && !when.run(w); k++) if (body.run(w) === 'break') break
            return undefined
          },
        }
      }
      case 'switch': {
        const on = this.u(1)
        const one = this.block(depth - 1, 0)
        const other = this.block(depth - 1, 0)
        const rest = this.block(depth - 1, 0)
        return {
          text: `switch (${on.text} & 3u) {\n  case 0u, 2u: {\n${one.text}\n  }\n  case 1u: {\n${other.text}\n  }\n  default: {\n${rest.text}\n  }\n}`,
          run: (w) => {
            const value = on.run(w) & 3
            ;(value === 1 ? other : value === 3 ? rest : one).run(w)
            return undefined
          },
        }
      }
      default: {
        const when = this.bool(1)
        const signal = c.pick(['break', 'continue'] as const)
        return {
          text: `if (${when.text}) {\n  ${signal};\n}`,
          run: (w) => (when.run(w) ? signal : undefined),
        }
      }
    }
  }

  /** A number of rounds: constant, the same for all invocations, or each one's own. */
  #loopEnd(): Piece<number> {
    const c = this.#c
    const n = c.below(5)
    if (n < 2) return { text: `${n + 2}u`, run: () => n + 2 }
    if (n === 2) return { text: 'params.low', run: (w) => w.uniforms[0]! }
    if (n === 3) return { text: '(gid & 3u)', run: (w) => w.gid & 3 }
    return { text: 'min(gid, params.low)', run: (w) => Math.min(w.gid, w.uniforms[0]!) }
  }

  block(depth: number, loops: number): Statement {
    const pieces = Array.from({ length: 1 + this.#c.below(3) }, () => this.statement(depth, loops))
    return {
      text: indented(pieces.map((piece) => piece.text).join('\n')),
      run: (w) => {
        for (const piece of pieces) {
          const signal = piece.run(w)
          if (signal !== undefined) return signal
        }
        return undefined
      },
    }
  }

  u(depth: number): Piece<number> {
    const c = this.#c
    if (depth === 0) {
      switch (c.below(5)) {
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
          const n = c.below(U)
          return { text: `u${n}`, run: (w) => w.u[n]! }
        }
      }
    }
    const a = this.u(depth - 1)
    switch (c.below(14)) {
      case 0: {
        const signed = this.i(depth - 1)
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
        return { text: `a[${a.text} & ${ARRAY - 1}u]`, run: (w) => w.array[a.run(w) & (ARRAY - 1)]! }
      case 10:
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

  i(depth: number): Piece<number> {
    const c = this.#c
    if (depth === 0) {
      const n = c.below(I + 1)
      if (n < I) return { text: `i${n}`, run: (w) => w.i[n]! }
      const value = c.below(2000) - 1000
      return { text: `${value}i`, run: () => value }
    }
    const a = this.i(depth - 1)
    switch (c.below(6)) {
      case 0: {
        const u = this.u(depth - 1)
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
    const signed = c.below(2) === 0
    const a = signed ? this.i(depth) : this.u(depth)
    const b = signed ? this.i(depth) : this.u(depth)
    return { text: `${a.text} ${operator} ${b.text}`, run: (w) => compare(operator, a.run(w), b.run(w)) }
  }
}

const COUNTS = {
  countLeadingZeros: (x: number) => Math.clz32(x),
  countTrailingZeros: (x: number) => (x === 0 ? 32 : 31 - Math.clz32(x & -x)),
  countOneBits: (x: number) => x.toString(2).replaceAll('0', '').length,
}

function arithmetic(operator: string, a: number, b: number): number {
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

/** Wraps programs into one kernel: program n of an invocation writes its results, and adds to its sums. */
export function randomKernel(programs: readonly string[], invocations: number): string {
  const resultsAt = programs.length * SUM_WORDS
  return `//!include dispatch
//!include wide

struct Params {
  dispatch: Dispatch,
  low: u32, //!range ${UNIFORM_LOW} .. ${UNIFORM_HIGH}
  any: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<atomic<u32>>;
@group(0) @binding(4) var<storage, read> input: array<u32>;
@group(0) @binding(5) var<storage, read> table: array<vec4<u32>, ${TABLE_ROWS}>;

fn early(x: u32, p: ptr<function, u32>) -> u32 {
  if (x > 1000u) {
    return x ^ 5u;
  }
  *p = *p + 1u;
  return *p;
}

${programs.join('\n\n')}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
${programs.map((_, n) => `  program_${n}(i, params.dispatch.first_shard, ${resultsAt}u + ${RESULT_WORDS}u * (${n}u * ${invocations}u + i), ${n * SUM_WORDS}u);`).join('\n')}
}
`
}
