import type { Choices } from './random-choices.test-support.ts'
import {
  arithmetic,
  type Piece,
  RandomExpressions,
  TABLE_ROWS,
  VARIABLES,
  type World,
} from './random-expressions.test-support.ts'

/**
 * Random Tier A kernels, each with its meaning: every piece of text comes with a function that does on JavaScript's
 * numbers what the text says. That is the reference: it shares neither parser, nor types, nor code with the compiler.
 */

type Signal = 'break' | 'continue' | undefined
type Statement = Piece<Signal>

export const RESULT_WORDS = 4
/** One operator a word, then the order of the invocations does not show; the last two are a 64-bit sum. */
export const SUM_WORDS = 6
const SUMS = ['Add', 'Max', 'Xor', 'Or'] as const
export const UNIFORM_LOW = 1
export const UNIFORM_HIGH = 5

/** Begins the variables of a program. */
export function begin(world: World): void {
  const { u, i, f, v, array, gid, shard } = world
  u.splice(0, VARIABLES.u, gid, shard, 2, 3)
  i.splice(0, VARIABLES.i, (gid - 3) | 0, -1, -2)
  f.splice(0, VARIABLES.f, gid & 0xff, -7)
  v.splice(0, 4, gid, 1, 2, shard)
  array.splice(0, VARIABLES.array, ...new Array<number>(VARIABLES.array).fill(0))
}

/** One random program: the body of a function `program_N(gid, shard, results, sums)`. */
export function randomProgram(
  choices: Choices,
  index: number,
): { readonly text: string; readonly run: (world: World) => void } {
  const generator = new RandomStatements(choices)
  const body = Array.from({ length: 3 + choices.below(6) }, () => generator.statement(2, 0))
  const results = [
    'u0 ^ v.x ^ a[1]',
    '(u1 + u32(i0)) ^ v.y',
    'u2 ^ u32(i1) ^ v.z ^ u32(i32(f0))',
    'u3 + u32(i2) + v.w + a[7] + u32(i32(f1))',
  ]
  const text = `fn program_${index}(gid: u32, shard: u32, results: u32, sums: u32) {
  var u0 = gid;
  var u1 = shard;
  var u2 = 2u;
  var u3 = 3u;
  var i0 = i32(gid) - 3;
  var i1 = -1;
  var i2 = -2;
  var f0 = f32(gid & 0xffu);
  var f1 = -7.0;
  var v = vec4<u32>(gid, 1u, 2u, shard);
  var a: array<u32, ${VARIABLES.array}>;
${indented(body.map((piece) => piece.text).join('\n'))}
${results.map((result, n) => `  atomicStore(&output[results + ${n}u], ${result});`).join('\n')}
}`
  const run = (world: World): void => {
    begin(world)
    for (const piece of body) piece.run(world)
    const [u0, u1, u2, u3] = world.u as [number, number, number, number]
    const [i0, i1, i2] = world.i as [number, number, number]
    const [f0, f1] = world.f as [number, number]
    const [x, y, z, w] = world.v as [number, number, number, number]
    const a = (at: number): number => world.array[at] ?? 0
    world.out.set([u0 ^ x ^ a(1), (u1 + i0) ^ y, u2 ^ i1 ^ z ^ f0, u3 + i2 + w + a(7) + f1], world.results)
  }
  return { text, run }
}

const indented = (text: string): string => text.replace(/^/gm, '  ')

class RandomStatements {
  readonly #c: Choices
  readonly #of: RandomExpressions
  #loops = 0

  constructor(choices: Choices) {
    this.#c = choices
    this.#of = new RandomExpressions(choices)
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
      'float',
      ...(depth > 0 ? ['if', 'if', 'for', 'switch', 'while', 'terms'] : []),
      ...(loops > 0 ? ['leave'] : []),
    ]
    switch (c.pick(kinds)) {
      case 'u': {
        const n = c.below(VARIABLES.u)
        const value = this.#of.u(3)
        return {
          text: `u${n} = ${value.text};`,
          run: (w) => {
            w.u[n] = value.run(w)
            return undefined
          },
        }
      }
      case 'i': {
        const n = c.below(VARIABLES.i)
        const value = this.#of.i(3)
        return {
          text: `i${n} = ${value.text};`,
          run: (w) => {
            w.i[n] = value.run(w)
            return undefined
          },
        }
      }
      case 'float': {
        const n = c.below(VARIABLES.f)
        const value = this.#of.fromInteger(2)
        return {
          text: `f${n} = ${value.text};`,
          run: (w) => {
            w.f[n] = value.run(w)
            return undefined
          },
        }
      }
      case 'terms':
        return this.#terms()
      case 'v': {
        if (c.below(2) === 0) {
          const at = c.below(4)
          const value = this.#of.u(2)
          return {
            text: `v.${'xyzw'[at]} = ${value.text};`,
            run: (w) => {
              w.v[at] = value.run(w)
              return undefined
            },
          }
        }
        const operator = c.pick(['+', '*', '^', '&'])
        const by = this.#of.u(1)
        const order = Array.from({ length: 4 }, () => c.below(4))
        return {
          text: `v = v.${order.map((at) => 'xyzw'[at]).join('')} ${operator} ${'*+'.includes(operator) ? by.text : `vec4<u32>(${by.text})`};`,
          run: (w) => {
            const other = by.run(w)
            w.v.splice(0, 4, ...order.map((at) => arithmetic(operator, w.v[at]!, other)))
            return undefined
          },
        }
      }
      case 'a': {
        const index = this.#of.u(2)
        const value = this.#of.u(2)
        const mask = VARIABLES.array - 1
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
        const at = c.below(SUMS.length + 1)
        const value = this.#of.u(2)
        const operator = SUMS[at]
        if (operator === undefined) {
          const high = this.#of.u(1)
          return {
            text: `atomic_add_64(sums + ${at}u, vec2<u32>(${value.text}, ${high.text}));`,
            run: (w) => {
              const low = w.out[w.sums + at]! + value.run(w)
              w.out[w.sums + at] = low
              const carry = low >= 2 ** 32 ? 1 : 0
              w.out[w.sums + at + 1] = w.out[w.sums + at + 1]! + high.run(w) + carry
              return undefined
            },
          }
        }
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
        const when = this.#of.bool(2)
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
        const when = this.#of.bool(1)
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
        const on = this.#of.u(1)
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
        const when = this.#of.bool(1)
        const signal = c.pick(['break', 'continue'] as const)
        return {
          text: `if (${when.text}) {\n  ${signal};\n}`,
          run: (w) => (when.run(w) ? signal : undefined),
        }
      }
    }
  }

  /** A sum of f32 over a loop, and what it is as an i32. */
  #terms(): Statement {
    const c = this.#c
    const k = this.#loops++
    const end = this.#loopEnd()
    const first = this.#of.f(2)
    const second = this.#of.f(1)
    const when = this.#of.bool(1)
    const leave = c.pick(['break', 'continue'] as const)
    const n = c.below(VARIABLES.i)
    return {
      text: `var s${k} = f0;
for (var k${k} = 0u; k${k} < ${end.text}; k${k} = k${k} + 1u) {
  s${k} = s${k} + ${first.text};
  if (${when.text}) {
    ${leave};
  }
  s${k} = s${k} - ${second.text};
}
i${n} = i${n} ^ i32(s${k});`,
      run: (w) => {
        let sum = w.f[0]!
        for (let round = 0; round < end.run(w); round++) {
          sum += first.run(w)
          if (when.run(w)) {
            if (leave === 'break') break
            continue
          }
          sum -= second.run(w)
        }
        w.i[n] = w.i[n]! ^ sum
        return undefined
      },
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
}

/** Wraps programs into one kernel: program n of an invocation writes its results, and adds to its sums. */
export function randomKernel(programs: readonly string[], invocations: number): string {
  const resultsAt = programs.length * SUM_WORDS
  return `//!include dispatch
//!include mul-shift
//!include normal
//!include exp2
//!include log2
//!include sqrt
//!include atomic64

struct Params {
  dispatch: Dispatch,
  low: u32, //!range ${UNIFORM_LOW} .. ${UNIFORM_HIGH}
  any: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
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
