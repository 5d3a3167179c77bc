import { readFileSync } from 'node:fs'
import { type LinkedSource, link } from '../link.ts'
import { Choices } from './random-choices.test-support.ts'
import { INPUT_WORDS, TABLE_ROWS, type World } from './random-expressions.test-support.ts'
import {
  RESULT_WORDS,
  randomKernel,
  randomProgram,
  SUM_WORDS,
  UNIFORM_HIGH,
  UNIFORM_LOW,
} from './random-kernel.test-support.ts'

/** Not a multiple of four: a SIMD module ends with lanes that are switched off. */
const INVOCATIONS = 7

/** Random programs in one kernel, what it runs on, and what the reference makes of it. */
export interface FuzzBatch {
  readonly seed: number
  readonly source: LinkedSource
  readonly invocations: number
  readonly slot_words: number
  readonly shard: number
  /** Words of the uniform behind the dispatch. */
  readonly uniforms: Uint32Array<ArrayBuffer>
  /** Bindings 4 and 5. */
  readonly inputs: readonly [Uint32Array<ArrayBuffer>, Uint32Array<ArrayBuffer>]
  readonly expected: Uint32Array
  /** @throws Error that shows the seed and the program whose word differs */
  assertEqual(given: Uint32Array, by: string): void
}

const prelude = (part: string) => readFileSync(new URL(`../prelude/${part}.wgsl`, import.meta.url), 'utf8')

/** @param count programs in the kernel */
export function fuzzBatch(seed: number, count: number): FuzzBatch {
  const choices = new Choices(seed)
  const programs = Array.from({ length: count }, (_, n) => randomProgram(choices, n))
  const text = randomKernel(
    programs.map((program) => program.text),
    INVOCATIONS,
  )
  const uniforms = Uint32Array.of(
    UNIFORM_LOW + choices.below(UNIFORM_HIGH - UNIFORM_LOW + 1),
    choices.word(),
    0,
    0,
  )
  const input = Uint32Array.from({ length: INPUT_WORDS }, () => choices.word())
  const table = Uint32Array.from({ length: 4 * TABLE_ROWS }, () => choices.word())
  const results = count * SUM_WORDS
  const expected = new Uint32Array(results + count * RESULT_WORDS * INVOCATIONS)
  const shard = choices.below(1000)
  for (let gid = 0; gid < INVOCATIONS; gid++) {
    for (const [n, program] of programs.entries()) {
      const world: World = {
        gid,
        shard,
        uniforms: [...uniforms],
        input,
        table,
        out: expected,
        sums: n * SUM_WORDS,
        results: results + RESULT_WORDS * (n * INVOCATIONS + gid),
        u: [],
        i: [],
        f: [],
        v: [],
        array: [],
      }
      program.run(world)
    }
  }
  return {
    seed,
    source: link(`seed-${seed}.wgsl`, text, prelude),
    invocations: INVOCATIONS,
    slot_words: expected.length,
    shard,
    uniforms,
    inputs: [input, table],
    expected,
    assertEqual(given, by) {
      const at = expected.findIndex((word, i) => word !== given[i])
      if (at < 0) return
      const culprit = at < results ? at / SUM_WORDS : (at - results) / (RESULT_WORDS * INVOCATIONS)
      throw new Error(
        `FUZZ_SEED=${seed}, ${by}: word ${at} is ${given[at]}, not ${expected[at]}, in\n${programs[Math.floor(culprit)]?.text}`,
      )
    },
  }
}
