import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { WasmProgram } from '../../kernel/execute/wasm-program.ts'
import { link } from '../link.ts'
import { compileKernel } from './compile.ts'
import {
  Choices,
  INPUT_WORDS,
  RESULT_WORDS,
  randomKernel,
  randomProgram,
  SUM_WORDS,
  TABLE_ROWS,
  type World,
} from './random-kernel.test-support.ts'

/**
 * Random kernels on the reference, as scalar WASM and as WASM with SIMD. FUZZ_KERNELS=20000 runs more of them, FUZZ_SEED
 * repeats a run.
 */

const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31)
const PROGRAMS = Number(process.env.FUZZ_KERNELS ?? 200)
/** Programs in a module: compiling is what takes the time. */
const BATCH = 4
const INVOCATIONS = 7
const prelude = (part: string) => readFileSync(new URL(`../prelude/${part}.wgsl`, import.meta.url), 'utf8')

function runBatch(seed: number, optimise: boolean): void {
  const choices = new Choices(seed)
  const programs = Array.from({ length: BATCH }, (_, n) => randomProgram(choices, n))
  const text = randomKernel(
    programs.map((program) => program.text),
    INVOCATIONS,
  )
  const uniforms = [1 + choices.below(5), choices.word()]
  const input = Uint32Array.from({ length: INPUT_WORDS }, () => choices.word())
  const table = Uint32Array.from({ length: 4 * TABLE_ROWS }, () => choices.word())
  const slot_words = BATCH * (SUM_WORDS + RESULT_WORDS * INVOCATIONS)
  const shard = choices.below(1000)

  const expected = new Uint32Array(slot_words)
  for (let gid = 0; gid < INVOCATIONS; gid++) {
    for (const [n, program] of programs.entries()) {
      const world: World = {
        gid,
        shard,
        uniforms,
        input,
        table,
        out: expected,
        sums: n * SUM_WORDS,
        results: BATCH * SUM_WORDS + RESULT_WORDS * (n * INVOCATIONS + gid),
        u: [0, 0, 0, 0],
        i: [0, 0, 0],
        v: [0, 0, 0, 0],
        array: new Array<number>(8).fill(0),
      }
      program.run(world)
    }
  }

  const compiled = compileKernel(`random/seed-${seed}`, link(`seed-${seed}.wgsl`, text, prelude), {
    optimise,
  })
  for (const form of ['scalar', 'simd'] as const) {
    const module = new WebAssembly.Module(compiled[form] as Uint8Array<ArrayBuffer>)
    const program = new WasmProgram(
      module,
      {
        kernel: `random/seed-${seed}`,
        tables: [],
        words: Uint32Array.from(uniforms),
        invocations: INVOCATIONS,
        slot_words,
        inputs: [
          { name: 'input', pack: () => input },
          { name: 'table', pack: () => table },
        ],
        leaf: (_, slot) => new Uint8Array(slot.buffer),
      },
      new Map([
        ['input', new Uint8Array()],
        ['table', new Uint8Array()],
      ]),
    )
    const words = new Uint32Array(program.leaf(shard).slice().buffer)
    const at = words.findIndex((word, i) => word !== expected[i])
    if (at < 0) continue
    const resultsAt = BATCH * SUM_WORDS
    const culprit =
      at < resultsAt
        ? Math.floor(at / SUM_WORDS)
        : Math.floor((at - resultsAt) / (RESULT_WORDS * INVOCATIONS))
    throw new Error(
      `FUZZ_SEED=${seed}, ${form}${optimise ? ' optimised' : ''}: word ${at} is ${words[at]}, not ${expected[at]}, in\n${programs[culprit]?.text}`,
    )
  }
}

test('random kernels mean the same to the reference, to scalar WASM and to SIMD', {
  timeout: 600_000,
}, () => {
  const batches = Math.ceil(PROGRAMS / BATCH)
  console.log(`${batches * BATCH} random kernels, FUZZ_SEED=${SEED}`)
  for (let batch = 0; batch < batches; batch++) runBatch(SEED + batch, batch % 20 === 0)
  expect(batches).toBeGreaterThan(0)
})
