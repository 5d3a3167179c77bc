import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import {
  PROBE_INVOCATIONS,
  PROBE_KEY,
  PROBE_WORDS,
  probeAnswers,
  probeInputs,
} from '../../agent-runtime/probe-answers.ts'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { link } from '../link.ts'
import { compileKernel } from './compile.ts'

/** f32 as exact integers: what is proven, where the proof ends, and that WASM computes the same. */

const source = (path: string) => readFileSync(new URL(`../${path}.wgsl`, import.meta.url), 'utf8')
const prelude = (part: string) => source(`prelude/${part}`)
const INVOCATIONS = 9

function compile(declarations: string, body: string) {
  const text = `//!include dispatch

struct Params {
  dispatch: Dispatch,
  n: u32, //!range 0 .. 100
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;
@group(0) @binding(4) var<storage, read> input: array<u32>;

fn byte(word: u32, k: u32) -> f32 {
  return f32(i32(word << (24u - 8u * (k & 3u))) >> 24u);
}
${declarations}
@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
${body}
}
`
  return compileKernel('floats', link('floats.wgsl', text, prelude))
}

const words = Uint32Array.from({ length: 1024 }, (_, i) => Math.imul(i + 1, 0x9e3779b1))
const byte = (at: number, k: number): number => ((words[at] as number) << (24 - 8 * (k & 3))) >> 24

function results(body: string, declarations = '', n = 7): number[][] {
  const compiled = compile(declarations, body)
  return (['scalar', 'simd'] as const).map((form) => {
    const program = new WasmProgram(
      new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>),
      {
        kernel: 'floats',
        tables: [],
        words: Uint32Array.of(n),
        invocations: INVOCATIONS,
        slot_words: INVOCATIONS,
        inputs: [{ name: 'input', pack: () => words }],
        leaf: (_shard, slot) => new Uint8Array(slot.buffer),
      },
      new Map([['input', new Uint8Array()]]),
    )
    return [...new Int32Array(program.leaf(0).slice().buffer)]
  })
}

function expectAll(body: string, oracle: (i: number) => number, declarations = '', n = 7): void {
  const expected = Array.from({ length: INVOCATIONS }, (_, i) => oracle(i))
  for (const given of results(body, declarations, n)) expect(given).toEqual(expected)
}

const block = (rounds: number) => `  var sum = 0.0;
  for (var k = 0u; k < ${rounds}u; k = k + 1u) {
    sum = sum + byte(input[k], 0u) * byte(input[(k + i) & 1023u], 1u);
  }
  output[i] = u32(i32(sum));`

describe('sums', () => {
  test('1,024 products of bytes fill 2^24 and no more', () => {
    expectAll(block(1024), (i) => {
      let sum = 0
      for (let k = 0; k < 1024; k++) sum += byte(k, 0) * byte((k + i) & 1023, 1)
      return sum
    })
    expect(() => compile('', block(1025))).toThrow('can add up to 16793600 in magnitude')
  })

  test('blocks of f32 within a sum of i32', () => {
    const body = `  var total = 0i;
  var sum = 0.0;
  for (var b = 0u; b < params.n; b = b + 1u) {
    sum = 0.0;
    for (var k = 0u; k < 4u; k = k + 1u) {
      sum = sum + 64.0 * byte(input[b], k) * byte(input[b + i], k);
    }
    total = total + i32(sum);
  }
  output[i] = u32(total);`
    expectAll(body, (i) => {
      let total = 0
      for (let b = 0; b < 7; b++) for (let k = 0; k < 4; k++) total += 64 * byte(b, k) * byte(b + i, k)
      return total | 0
    })
  })

  test('a sum over two loops, of which some rounds are left out', () => {
    const body = `  var sum = 5.0;
  for (var b = 0u; b < params.n; b = b + 1u) {
    for (var k = 0u; k < 4u; k = k + 1u) {
      let term = byte(input[b + i], k);
      if (term < 0.0) {
        continue;
      }
      sum += 2.0 * term;
      if (sum > 1000.0) {
        break;
      }
    }
  }
  output[i] = u32(sum);`
    expectAll(body, (i) => {
      let sum = 5
      for (let b = 0; b < 7; b++) {
        for (let k = 0; k < 4; k++) {
          if (byte(b + i, k) < 0) continue
          sum += 2 * byte(b + i, k)
          if (sum > 1000) break
        }
      }
      return sum
    })
  })

  test('two sums, one of which the other adds up', () => {
    const body = `  var first = 0.0;
  var second = 0.0;
  for (var k = 0u; k < 16u; k = k + 1u) {
    second = second + first;
    first = first - byte(input[k + i], 2u);
  }
  output[i] = u32(i32(second));`
    expectAll(body, (i) => {
      let [first, second] = [0, 0]
      for (let k = 0; k < 16; k++) {
        second += first
        first -= byte(k + i, 2)
      }
      return second
    })
  })

  test('the magnitudes count, not where the sum stands', () => {
    // 2^24 - 2^24 + 2^24 is 2^24, yet a device may add the first and the last term first.
    expect(() =>
      compile('', '  var x = 16777216.0;\n  x = x - 16777216.0;\n  output[i] = u32(i32(x + 1.0));'),
    ).toThrow('can add up to 33554432')
  })
})

describe('operators', () => {
  const declarations = `struct Pair {
  a: f32,
  b: vec2<f32>,
}
fn pick(p: ptr<function, Pair>, k: u32) -> f32 {
  if (k > 4u) {
    return -(*p).a;
  }
  (*p).b = (*p).b * 3.0 + vec2<f32>(1.0);
  return (*p).b.y;
}`
  test('vectors, structures, pointers, comparisons, minima and conversions', () => {
    const body = `  let w = input[i];
  var pair = Pair(byte(w, 0u), vec2<f32>(byte(w, 1u), byte(w, 2u)));
  let c = pick(&pair, i);
  let v = vec4<f32>(c, pair.b, f32(w >> 8u));
  let m = max(min(v, vec4<f32>(1000.0)), vec4<f32>(-20.0, -30.0, -40.0, 7.0));
  let d = dot(v.xyz, vec3<f32>(1.0, 2.0, -3.0));
  let s = select(clamp(d, -50.0, 50.0), abs(c), m.x == c && v.w != 3.0);
  output[i] = u32(i32(m.x + m.y * m.z + s)) ^ u32(m.w) ^ u32(f32(d >= 0.0));`
    expectAll(
      body,
      (i) => {
        const a = byte(i, 0)
        let [x, y] = [byte(i, 1), byte(i, 2)]
        const c = i > 4 ? -a : y * 3 + 1
        if (i <= 4) [x, y] = [x * 3 + 1, y * 3 + 1]
        const w = (words[i] as number) >>> 8
        const least = [-20, -30, -40, 7]
        const m = [c, x, y, w].map((value, k) => Math.max(Math.min(value, 1000), least[k] as number))
        const [mx, my, mz, mw] = m as [number, number, number, number]
        const d = c + 2 * x - 3 * y
        const s = mx === c && w !== 3 ? Math.abs(c) : Math.max(Math.min(d, 50), -50)
        return ((mx + my * mz + s) ^ mw ^ (d >= 0 ? 1 : 0)) | 0
      },
      declarations,
    )
  })
})

test('the conformance probe, which sums products in f32, as WASM', () => {
  const kernel = 'probe/conformance.v1'
  const compiled = compileKernel(kernel, link(`${kernel}.wgsl`, source(kernel), prelude))
  const inputs = probeInputs()
  const answers = probeAnswers(inputs)
  for (const form of ['scalar', 'simd'] as const) {
    const program = new WasmProgram(
      new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>),
      {
        kernel,
        tables: ['normal-quantile', 'exp2'],
        words: Uint32Array.of(PROBE_KEY[0], PROBE_KEY[1], PROBE_WORDS * PROBE_INVOCATIONS, 0),
        invocations: PROBE_INVOCATIONS,
        slot_words: answers.length,
        inputs: [{ name: 'words', pack: () => inputs }],
        leaf: (_shard, slot) => new Uint8Array(slot.buffer),
      },
      new Map([['words', new Uint8Array()]]),
    )
    expect(new Uint32Array(program.leaf(0).slice().buffer)).toEqual(answers)
  }
})
