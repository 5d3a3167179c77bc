import { expect, test } from 'vitest'
import { FUZZ_SEED, fuzzWasm } from './fuzz-wasm.test-support.ts'

/** A first look; fuzz.executors.test.ts has the run of thousands, and the devices. */
test('random kernels mean the same to the reference, to scalar WASM and to SIMD', {
  timeout: 120_000,
}, () => {
  console.log(`FUZZ_SEED=${FUZZ_SEED}`)
  expect(fuzzWasm(FUZZ_SEED, 50)).toBe(50)
})
