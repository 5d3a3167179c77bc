import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleForHost } from '../../agent-runtime/testing/bundle.ts'
import type { Host } from '../../agent-runtime/testing/host.ts'
import { availableHosts } from '../../agent-runtime/testing/webgpu-hosts.ts'
import { fuzzBatch } from './fuzz-batch.test-support.ts'
import { FUZZ_KERNELS, FUZZ_SEED, fuzzWasm } from './fuzz-wasm.test-support.ts'

/**
 * Random kernels everywhere: on the reference and as WASM, scalar and with SIMD, and on each WebGPU stack of this machine.
 * `npm run fuzz -- --kernels N --seed S` runs N on each.
 */

const { hosts, missing } = await availableHosts()
const ON_WASM = FUZZ_KERNELS ?? 2000
const ON_DEVICE = FUZZ_KERNELS ?? 100
/** Programs in a kernel: a pipeline takes a driver a while, and a long one takes LLVM many times as long. */
const BATCH = 2

test('random kernels mean the same to the reference, to scalar WASM and to SIMD', {
  timeout: 24 * 3_600_000,
}, () => {
  console.log(`${ON_WASM} random kernels on WASM, FUZZ_SEED=${FUZZ_SEED}`)
  expect(fuzzWasm(FUZZ_SEED, ON_WASM)).toBeGreaterThanOrEqual(ON_WASM)
})

for (const { name, reason } of missing) console.log(`${name} is MISSING: ${reason}`)

describe.each(hosts)('$name', ({ name, open }) => {
  let host: Host
  let guest: string

  beforeAll(async () => {
    guest = await bundleForHost(fileURLToPath(new URL('./fuzz-guest.test-support.ts', import.meta.url)))
    host = await open()
  })
  afterAll(() => host?.close())

  test('random kernels mean the same to the reference and to the device', {
    timeout: 24 * 3_600_000,
  }, async () => {
    console.log(`${ON_DEVICE} random kernels on ${name}, FUZZ_SEED=${FUZZ_SEED}`)
    for (let n = 0; n * BATCH < ON_DEVICE; n++) {
      const batch = fuzzBatch(FUZZ_SEED + n, Math.min(BATCH, ON_DEVICE - n * BATCH))
      const words = (await host.evaluate(guest, 'runBatch', {
        batch: {
          code: batch.source.text,
          uniform: [0, batch.invocations, batch.shard, batch.slot_words, ...batch.uniforms],
          inputs: batch.inputs.map((input) => [...input]),
          slot_words: batch.slot_words,
          invocations: batch.invocations,
        },
      })) as number[]
      batch.assertEqual(Uint32Array.from(words), name)
    }
  })
})
