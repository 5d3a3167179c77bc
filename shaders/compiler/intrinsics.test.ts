import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { integerSqrt } from '../../kernel/numerics/bigmath.ts'
import { limbsToBigInt } from '../../kernel/numerics/limbs.ts'
import { exp2Oracle, log2Oracle, normalOracle } from '../../kernel/numerics/rows.test-support.ts'
import { link } from '../link.ts'
import { type CompiledKernel, compileKernel } from './compile.ts'
import { Choices } from './random-choices.test-support.ts'

/** The prelude's functions, each by its WGSL body and by the lowering that WASM has for it, against BigInt. */

const PAIRS = 512
const EDGES = [
  0, 1, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80008000, 0xfffffffe, 0xffffffff,
]
const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const prelude = (part: string) => readFileSync(new URL(`../prelude/${part}.wgsl`, import.meta.url), 'utf8')

const half = (word: bigint, high: boolean): bigint => BigInt.asIntN(16, high ? word >> 16n : word)

/** Expressions of two words, and what they are in BigInt, modulo 2^32. */
const CASES: Readonly<
  Record<string, { readonly expression: string; readonly oracle: (a: bigint, b: bigint) => bigint }>
> = {
  'low word of mul_wide': { expression: 'mul_wide(a, b).x', oracle: (a, b) => a * b },
  'high word of mul_wide': { expression: 'mul_wide(a, b).y', oracle: (a, b) => (a * b) >> 32n },
  mul_high_round: { expression: 'mul_high_round(a, b)', oracle: (a, b) => (a * b + (1n << 31n)) >> 32n },
  mul_shift_round: {
    expression: 'mul_shift_round(a, b ^ 0x9e3779b9u, b & 63u)',
    oracle: (a, b) => {
      const shift = b & 63n
      const by = shift > 32n ? 32n : shift
      return (a * (b ^ 0x9e3779b9n) + ((1n << by) >> 1n)) >> by
    },
  },
  'high word of add_wide': {
    expression: 'add_wide(vec2<u32>(a, b), vec2<u32>(b, a)).y',
    oracle: (a, b) => (a + (b << 32n) + b + (a << 32n)) >> 32n,
  },
  dot2_i16: {
    expression: 'u32(dot2_i16(a, b))',
    oracle: (a, b) => half(a, false) * half(b, false) + half(a, true) * half(b, true),
  },
  normal_q24: { expression: 'u32(normal_q24(a))', oracle: (a) => normalOracle(a) },
  exp2_q30: {
    expression: 'exp2_q30(a ^ b)',
    oracle: (a, b) => exp2Oracle((a ^ b) & 0xffffffn, 0n),
  },
  exp2_word: {
    expression: 'exp2_word(i32(a), i32(b & 31u))',
    oracle: (a, b) => exp2Oracle(BigInt.asIntN(32, a), b & 31n),
  },
  log2_q26: { expression: 'log2_q26(a >> (b & 31u))', oracle: (a, b) => log2Oracle(a >> (b & 31n)) },
  sqrt_q30: { expression: 'sqrt_q30(a)', oracle: (a) => integerSqrt(a << 30n) },
  'leading zeros': {
    expression: 'countLeadingZeros(a ^ b)',
    oracle: (a, b) => BigInt(Math.clz32(Number(a ^ b))),
  },
  'shift left by lane': { expression: 'a << (b & 31u)', oracle: (a, b) => a << (b & 31n) },
  'shift right by lane': { expression: 'a >> (b & 31u)', oracle: (a, b) => a >> (b & 31n) },
  'arithmetic shift by lane': {
    expression: 'u32(i32(a) >> (b & 31u))',
    oracle: (a, b) => BigInt.asIntN(32, a) >> (b & 31n),
  },
}
const NAMES = Object.keys(CASES)

/** Sums over all invocations, in the words behind the expressions: where they begin, their limbs, and what is added. */
const SUMS: Readonly<
  Record<
    string,
    {
      readonly statement: (at: string) => string
      readonly limbs: number
      readonly oracle: (a: bigint, b: bigint) => bigint
    }
  >
> = {
  atomic_add_64: {
    statement: (at) => `atomic_add_64(${at}, vec2<u32>(a, b));`,
    limbs: 2,
    oracle: (a, b) => a + (b << 32n),
  },
  add_limb: {
    statement: (at) => `add_limb(${at} + 1u, add_limb(${at}, a));`,
    limbs: 2,
    oracle: (a) => a,
  },
  add_limbs_128: {
    statement: (at) => `add_limbs_128(${at}, a, b, a ^ b);`,
    limbs: 4,
    oracle: (a, b) => a + (b << 32n) + ((a ^ b) << 64n),
  },
}
const SUM_WORDS = 4
const SUMS_AT = NAMES.length * PAIRS
const SLOT_WORDS = SUMS_AT + SUM_WORDS * Object.keys(SUMS).length

const TEXT = `//!include dispatch
//!include mul-shift
//!include dot
//!include normal
//!include growth
//!include log2
//!include sqrt
//!include atomic64

struct Params {
  dispatch: Dispatch,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> words: array<vec2<u32>, ${PAIRS}>;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  let pair = words[min(i, ${PAIRS - 1}u)];
  let a = pair.x;
  let b = pair.y;
${NAMES.map((name, n) => `  atomicStore(&output[${n * PAIRS}u + i], ${CASES[name]?.expression});`).join('\n')}
${Object.values(SUMS)
  .map(({ statement }, n) => `  ${statement(`${SUMS_AT + SUM_WORDS * n}u`)}`)
  .join('\n')}
}
`

/** @param renamed the prelude's functions under names that the compiler does not know, so that it takes their bodies */
function compile(renamed: boolean): CompiledKernel {
  const linked = link('intrinsic.wgsl', TEXT, prelude)
  const rename = (source: string) => source.replace(/\b(mul_wide|dot2_i16|atomic_add_64)\(/g, 'body_of_$1(')
  return compileKernel('intrinsic', renamed ? { ...linked, text: rename(linked.text) } : linked)
}

describe.each([
  ['their lowerings', false],
  ['their bodies', true],
])('by %s', (_name, renamed) => {
  const choices = new Choices(SEED)
  const words = Uint32Array.from({ length: 2 * PAIRS }, (_, i) =>
    i < 2 * EDGES.length ** 2
      ? (EDGES[i % 2 === 0 ? (i >> 1) % EDGES.length : Math.floor((i >> 1) / EDGES.length)] as number)
      : choices.word(),
  )
  const pairs = Array.from({ length: PAIRS }, (_, i): [bigint, bigint] => [
    BigInt(words[2 * i] as number),
    BigInt(words[2 * i + 1] as number),
  ])
  const compiled = compile(renamed)

  describe.each(['scalar', 'simd'] as const)('%s', (form) => {
    const program = new WasmProgram(
      new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>),
      {
        kernel: 'intrinsic',
        tables: ['normal-quantile', 'exp2', 'log2'],
        words: new Uint32Array(),
        invocations: PAIRS,
        slot_words: SLOT_WORDS,
        inputs: [{ name: 'words', pack: () => words }],
        leaf: (_shard, slot) => new Uint8Array(slot.buffer),
      },
      new Map([['words', new Uint8Array()]]),
    )
    const given = new Uint32Array(program.leaf(0).slice().buffer)

    test.each(NAMES)('%s', (name) => {
      const { oracle } = CASES[name] as (typeof CASES)[string]
      const expected = pairs.map(([a, b]) => Number(BigInt.asUintN(32, oracle(a, b))))
      const at = NAMES.indexOf(name) * PAIRS
      expect([...given.subarray(at, at + PAIRS)], `FUZZ_SEED=${SEED}`).toEqual(expected)
    })

    test.each(Object.keys(SUMS))('%s, over all invocations', (name) => {
      const { limbs, oracle } = SUMS[name] as (typeof SUMS)[string]
      const at = SUMS_AT + SUM_WORDS * Object.keys(SUMS).indexOf(name)
      const total = pairs.reduce((sum, [a, b]) => sum + oracle(a, b), 0n)
      expect(limbsToBigInt(given, at, limbs), `FUZZ_SEED=${SEED}`).toBe(BigInt.asUintN(32 * limbs, total))
    })
  })
})
