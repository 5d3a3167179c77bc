import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { compileKernel } from './compile.ts'
import { type FuzzBatch, fuzzBatch } from './fuzz-batch.test-support.ts'

/**
 * From a run's environment: FUZZ_SEED says where it begins, FUZZ_KERNELS how many kernels. The tests always run the same
 * ones, so that a change is to blame when they fail; `npm run fuzz` draws new ones.
 */
export const FUZZ_SEED = Number(process.env.FUZZ_SEED ?? 20_261_126)
export const FUZZ_KERNELS =
  process.env.FUZZ_KERNELS === undefined ? undefined : Number(process.env.FUZZ_KERNELS)

/** Programs in a module, and how often one is optimised too, which takes most of its time. */
const BATCH = 10
const OPTIMISED = 20

/**
 * Random kernels on the reference, as scalar WASM and as WASM with SIMD.
 * @returns how many
 * @throws Error with the seed and the program of the first difference
 */
export function fuzzWasm(seed: number, kernels: number): number {
  const batches = Math.ceil(kernels / BATCH)
  for (let n = 0; n < batches; n++) runWasm(fuzzBatch(seed + n, BATCH), n % OPTIMISED === 0)
  return batches * BATCH
}

function runWasm(batch: FuzzBatch, optimise: boolean): void {
  const kernel = `random/seed-${batch.seed}`
  const compiled = compileKernel(kernel, batch.source, { optimise })
  for (const form of ['scalar', 'simd'] as const) {
    const program = new WasmProgram(
      new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>),
      {
        kernel,
        tables: ['normal-quantile', 'exp2', 'log2'],
        words: batch.uniforms,
        invocations: batch.invocations,
        slot_words: batch.slot_words,
        inputs: batch.inputs.map((words, i) => ({ name: `input ${i}`, pack: () => words })),
        leaf: (_, slot) => new Uint8Array(slot.buffer),
      },
      new Map(batch.inputs.map((_, i) => [`input ${i}`, new Uint8Array()])),
    )
    const words = new Uint32Array(program.leaf(batch.shard).slice().buffer)
    batch.assertEqual(words, `${form}${optimise ? ' optimised' : ''}`)
  }
}
