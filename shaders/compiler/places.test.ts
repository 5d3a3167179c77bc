import { expect, test } from 'vitest'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { link } from '../link.ts'
import { type CompiledKernel, compileKernel } from './compile.ts'

/** Names and places of WGSL that are easily taken for something else. */

const WORDS = Uint32Array.of(0, 0, 0, 0, 11, 12, 13, 14, 21, 22, 23, 24)
const COUNT = 8

function compile(declarations: string, body: string): CompiledKernel {
  const text = `//!include dispatch
struct Params {
  dispatch: Dispatch,
  plain: vec4<u32>,
  rows: array<vec4<u32>, 2>,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;

${declarations}

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  var value = 0u;
  ${body}
  output[min(i, ${COUNT - 1}u)] = value;
}`
  const dispatch = `struct Dispatch {
  first_invocation: u32,
  end_invocation: u32,
  first_shard: u32,
  slot_words: u32,
}`
  return compileKernel(
    'places',
    link('places.wgsl', text, (part) => (part === 'dispatch' ? dispatch : undefined)),
  )
}

/** Output words by form of the module. */
function outputs(kernel: CompiledKernel): number[][] {
  return [kernel.scalar, kernel.simd].map((bytes) => {
    const program = new WasmProgram(
      new WebAssembly.Module(new Uint8Array(bytes)),
      {
        kernel: 'places',
        tables: [],
        words: WORDS,
        invocations: COUNT,
        slot_words: COUNT,
        inputs: [],
        leaf: (_shard, slot) => new Uint8Array(slot.buffer, slot.byteOffset, slot.byteLength),
      },
      new Map(),
    )
    return [...new Uint32Array(program.leaf(0).slice().buffer)]
  })
}

const twice = (words: readonly number[]) => [words, words]
const invocations = Array.from({ length: COUNT }, (_, i) => i)

test('an array of the uniform is read at an index of each invocation', () => {
  const kernel = compile('', 'let row = params.rows[i & 1u];\n  value = row.y + 100u * (i & 1u);')
  expect(outputs(kernel)).toEqual(twice(invocations.map((i) => (i % 2 === 0 ? 12 : 122))))
})

test('an index of an array of the uniform is proven to be inside', () => {
  expect(() => compile('', 'value = params.rows[i & 3u].x;')).toThrow('an index of params can reach 3')
})

test('members whose names look like components are members', () => {
  const kernel = compile(
    `struct Sums {
  xy: vec2<u32>,
  xx: u32,
}

fn gather(sums: ptr<function, Sums>, i: u32) -> u32 {
  (*sums).xy = vec2<u32>(i, 7u);
  (*sums).xx = 3u;
  return 100u * (*sums).xy.y + 10u * (*sums).xx + (*sums).xy.yx.y;
}`,
    'var sums: Sums;\n  value = gather(&sums, i);',
  )
  expect(outputs(kernel)).toEqual(twice(invocations.map((i) => 730 + i)))
})

test('block is a name like any other', () => {
  const kernel = compile(
    '',
    'for (var block = 0u; block < 3u; block = block + 1u) {\n    value = value + i;\n  }',
  )
  expect(outputs(kernel)).toEqual(twice(invocations.map((i) => 3 * i)))
})
