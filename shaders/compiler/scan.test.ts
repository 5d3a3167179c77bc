import binaryen from 'binaryen'
import { expect, test } from 'vitest'
import { WASM_MODULES } from '../generated/wasm/index.ts'
import { scanModule } from './scan.ts'

const moduleOf = (build: (m: binaryen.Module) => void): Uint8Array => {
  const m = new binaryen.Module()
  m.setFeatures(binaryen.Features.All)
  m.setMemory(1, 1, null, [], false, false, '0')
  m.addMemoryImport('0', 'env', 'memory')
  build(m)
  const bytes = m.emitBinary()
  m.dispose()
  return bytes
}

const withBody = (body: (m: binaryen.Module) => number) =>
  moduleOf((m) => void m.addFunction('f', binaryen.none, binaryen.none, [], m.drop(body(m))))

const word = (m: binaryen.Module) => m.i32.load(0, 4, m.i32.const(0))
const vector = (m: binaryen.Module) => m.v128.load(0, 4, m.i32.const(0))

test.each<[string, Uint8Array, RegExp]>([
  [
    'an imported function',
    moduleOf((m) => void m.addFunctionImport('f', 'env', 'now', binaryen.none, binaryen.f64)),
    /imports env/,
  ],
  [
    'float arithmetic',
    withBody((m) => m.f32.add(m.f32.load(0, 4, m.i32.const(0)), m.f32.const(1))),
    /instruction 0x2a/,
  ],
  ['float division of vectors', withBody((m) => m.f32x4.div(vector(m), vector(m))), /vector instruction/],
  ['growing memory', withBody((m) => m.memory.grow(m.i32.const(1))), /instruction 0x40/],
  ['atomics', withBody((m) => m.i32.atomic.rmw.add(0, m.i32.const(0), m.i32.const(1))), /instruction 0xfe/],
])('%s is found', (_, bytes, problem) => {
  expect(scanModule(bytes).join()).toMatch(problem)
})

test('integers, vectors of them and the one exact conversion pass', () => {
  expect(scanModule(withBody((m) => m.i32.mul(word(m), word(m))))).toEqual([])
  expect(scanModule(withBody((m) => m.i32x4.dot_i16x8_s(vector(m), vector(m))))).toEqual([])
  expect(scanModule(withBody((m) => m.f32x4.convert_i32x4_s(vector(m))))).toEqual([])
})

test.each(Object.keys(WASM_MODULES))('the committed modules of %s are deterministic', async (kernel) => {
  const { SCALAR, SIMD } = await WASM_MODULES[kernel]!()
  for (const base64 of [SCALAR, SIMD]) expect(scanModule(Buffer.from(base64, 'base64'))).toEqual([])
})
