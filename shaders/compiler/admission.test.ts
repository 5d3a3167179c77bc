import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { assertProgramAdmitted } from '../../kernel/execute/admission.ts'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import type { GpuProgram } from '../../kernel/ops/op.ts'
import { link } from '../link.ts'
import { compileKernel } from './compile.ts'

/** What a module refuses to run: uniform words outside their ranges, too many iterations, indices beyond a buffer. */

const prelude = (part: string) => readFileSync(new URL(`../prelude/${part}.wgsl`, import.meta.url), 'utf8')

const TEXT = `//!include dispatch

struct Params {
  dispatch: Dispatch,
  rows: u32, //!range 1 .. 1000
  columns: u32, //!range 1 .. 1000
  at: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read_write> output: array<u32>;

@compute @workgroup_size(wg)
fn main(@builtin(global_invocation_id) gid: vec3<u32>) {
  let i = params.dispatch.first_invocation + gid.x;
  if (i >= params.dispatch.end_invocation) {
    return;
  }
  var sum = 0u;
  for (var row = 0u; row < params.rows; row = row + 1u) {
    for (var column = 0u; column < params.columns; column = column + 1u) {
      sum = sum + row * column;
    }
  }
  output[params.at + i] = sum;
}
`
const compiled = compileKernel('sums', link('sums.wgsl', TEXT, prelude))

const program = (rows: number, columns: number, at = 0): GpuProgram => ({
  kernel: 'sums',
  tables: [],
  words: Uint32Array.of(rows, columns, at),
  invocations: 2,
  slot_words: 2,
  inputs: [],
  leaf: (_shard, slot) => new Uint8Array(slot.buffer),
})

test('the admission module refuses for a device what the others refuse', () => {
  const module = new WebAssembly.Module(compiled.admission as Uint8Array<ArrayBuffer>)
  assertProgramAdmitted(module, program(100, 300))
  expect(() => assertProgramAdmitted(module, program(0, 1))).toThrow(
    'word 4 of the uniform of sums leaves its proven range',
  )
  expect(() => assertProgramAdmitted(module, program(200, 200))).toThrow('more than 32,768 loop iterations')
})

test.each(['scalar', 'simd'] as const)('the %s module keeps to its proofs', (form) => {
  const module = new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>)
  const open = (rows: number, columns: number, at = 0) =>
    new WasmProgram(module, program(rows, columns, at), new Map())
  expect(compiled.proof.proven).toBe(false)
  expect(new Uint32Array(open(100, 300).leaf(0).slice().buffer)).toEqual(
    Uint32Array.of(222_007_500, 222_007_500),
  )
  expect(() => open(0, 1)).toThrow('word 4 of the uniform of sums leaves its proven range')
  expect(() => open(1, 1001)).toThrow('word 5 of the uniform')
  // 200 + 200 * 200 iterations.
  expect(() => open(200, 200)).toThrow('more than 32,768 loop iterations')
  expect(() => open(1, 1, 2).leaf(0)).toThrow('trapped')
})
