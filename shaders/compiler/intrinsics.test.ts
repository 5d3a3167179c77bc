import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { link } from '../link.ts'
import { type CompiledKernel, compileKernel } from './compile.ts'
import { Choices } from './random-kernel.test-support.ts'

/** The prelude's functions, each by its WGSL body and by the lowering that WASM has for it, against BigInt. */

const PAIRS = 512
const EDGES = [
  0, 1, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0x80008000, 0xfffffffe, 0xffffffff,
]
const prelude = (part: string) => readFileSync(new URL(`../prelude/${part}.wgsl`, import.meta.url), 'utf8')

const half = (word: number, high: boolean): bigint =>
  BigInt.asIntN(16, BigInt(high ? word >>> 16 : word & 0xffff))

const CASES: Readonly<
  Record<string, { readonly expression: string; readonly oracle: (a: bigint, b: bigint) => bigint }>
> = {
  'low word of mul_wide': { expression: 'mul_wide(a, b).x', oracle: (a, b) => a * b },
  'high word of mul_wide': { expression: 'mul_wide(a, b).y', oracle: (a, b) => (a * b) >> 32n },
  mul_high_round: { expression: 'mul_high_round(a, b)', oracle: (a, b) => (a * b + (1n << 31n)) >> 32n },
  'high word of add_wide': {
    expression: 'add_wide(vec2<u32>(a, b), vec2<u32>(b, a)).y',
    oracle: (a, b) => (a + (b << 32n) + b + (a << 32n)) >> 32n,
  },
  dot2_i16: {
    expression: 'u32(dot2_i16(a, b))',
    oracle: (a, b) =>
      half(Number(a), false) * half(Number(b), false) + half(Number(a), true) * half(Number(b), true),
  },
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

/** @param renamed the prelude's functions under names that the compiler does not know, so that it takes their bodies */
function compile(expression: string, renamed: boolean): CompiledKernel {
  const text = `//!include dispatch
//!include wide
//!include dot

struct Params {
  dispatch: Dispatch,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
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
  output[i] = ${expression};
}
`
  const linked = link('intrinsic.wgsl', text, prelude)
  const rename = (source: string) => source.replace(/\b(mul_wide|dot2_i16)\(/g, 'body_of_$1(')
  return compileKernel('intrinsic', renamed ? { ...linked, text: rename(linked.text) } : linked)
}

describe.each(Object.entries(CASES))('%s', (_, { expression, oracle }) => {
  const seed = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
  const choices = new Choices(seed)
  const words = Uint32Array.from({ length: 2 * PAIRS }, (_unused, i) =>
    i < 2 * EDGES.length ** 2
      ? (EDGES[i % 2 === 0 ? (i >> 1) % EDGES.length : Math.floor((i >> 1) / EDGES.length)] as number)
      : choices.word(),
  )
  const expected = Array.from({ length: PAIRS }, (_unused, i) =>
    Number(BigInt.asUintN(32, oracle(BigInt(words[2 * i] as number), BigInt(words[2 * i + 1] as number)))),
  )

  test.each([
    ['its lowering', false],
    ['its body', true],
  ])('by %s', (_name, renamed) => {
    const compiled = compile(expression, renamed)
    for (const form of ['scalar', 'simd'] as const) {
      const program = new WasmProgram(
        new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>),
        {
          kernel: 'intrinsic',
          tables: [],
          words: new Uint32Array(),
          invocations: PAIRS,
          slot_words: PAIRS,
          inputs: [{ name: 'words', pack: () => words }],
          leaf: (_shard, slot) => new Uint8Array(slot.buffer),
        },
        new Map([['words', new Uint8Array()]]),
      )
      const given = [...new Uint32Array(program.leaf(0).slice().buffer)]
      expect(given, `${form}, FUZZ_SEED=${seed}`).toEqual(expected)
    }
  })
})
