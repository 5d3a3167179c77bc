import { ForgeError } from '../kernel/errors.ts'
import { LOOP_ITERATIONS } from '../kernel/needs.ts'
import type { GpuProgram } from '../kernel/ops/op.ts'
import {
  loopAnswer,
  PROBE_GROUPS,
  PROBE_INVOCATIONS,
  PROBE_KEY,
  PROBE_WORDS,
  probeAnswers,
  probeInputs,
} from './probe-answers.ts'
import type { WebGpuExecutor } from './webgpu/executor.ts'

/** What the conformance probe found on a device. */
export interface ConformanceReport {
  readonly checks: readonly ConformanceCheck[]
  /** Loop iterations that an invocation was seen to complete: one of LOOPS, 0 when none was. */
  readonly max_iterations: number
}

export interface ConformanceCheck {
  readonly name: string
  readonly ok: boolean
  /** The first difference. */
  readonly detail?: string
}

/** One driver stops after 65,535; beyond the last of these nobody needs to know. */
const LOOPS = [LOOP_ITERATIONS, 65_535, 65_536, 262_144]
const LOOP_INVOCATIONS = 8

/**
 * Runs the probe kernels and compares every word with the host's arithmetic.
 * @throws ForgeError EXECUTOR_FAILED when the probe cannot run; what it finds wrong is in the report
 */
export async function probeConformance(
  executor: WebGpuExecutor,
  signal: AbortSignal,
): Promise<ConformanceReport> {
  const inputs = probeInputs()
  const answers = probeAnswers(inputs)
  const sumAt = PROBE_WORDS * PROBE_INVOCATIONS
  const words = await run(executor, signal, {
    kernel: 'probe/conformance.v1',
    tables: ['normal-quantile', 'exp2'],
    words: Uint32Array.of(PROBE_KEY[0], PROBE_KEY[1], sumAt, 0),
    invocations: PROBE_INVOCATIONS,
    slot_words: answers.length,
    inputs: [{ name: 'words', pack: () => inputs }],
  })
  const checks: ConformanceCheck[] = PROBE_GROUPS.map(({ name, from, to }) => {
    for (let i = 0; i < PROBE_INVOCATIONS; i++) {
      for (let word = from; word < to; word++) {
        const at = PROBE_WORDS * i + word
        if (words[at] !== answers[at])
          return { name, ok: false, detail: difference(words[at], answers[at], i) }
      }
    }
    return { name, ok: true }
  })
  checks.push(compareSum(words, answers, sumAt))
  const max_iterations = await countIterations(executor, signal)
  checks.push({
    name: `${LOOP_ITERATIONS} loop iterations`,
    ok: max_iterations >= LOOP_ITERATIONS,
    ...(max_iterations >= LOOP_ITERATIONS ? {} : { detail: 'a loop ended early and gave a wrong value' }),
  })
  return { checks, max_iterations }
}

/** @throws ForgeError EXECUTOR_FAILED naming the first failed check */
export function assertConformance(report: ConformanceReport): void {
  const wrong = report.checks.find(({ ok }) => !ok)
  if (wrong === undefined) return
  throw new ForgeError(
    'EXECUTOR_FAILED',
    `this device computes wrongly: ${wrong.name} (${wrong.detail ?? 'no detail'})`,
    {
      hint: 'The CPU executor computes the same results correctly.',
    },
  )
}

async function countIterations(executor: WebGpuExecutor, signal: AbortSignal): Promise<number> {
  let most = 0
  for (const iterations of LOOPS) {
    const words = await run(executor, signal, {
      kernel: 'probe/loop.v1',
      tables: [],
      words: Uint32Array.of(iterations, 0, 0, 0),
      invocations: LOOP_INVOCATIONS,
      slot_words: LOOP_INVOCATIONS,
      inputs: [],
    })
    if (!words.every((word, invocation) => word === loopAnswer(invocation, iterations))) break
    most = iterations
  }
  return most
}

async function run(
  executor: WebGpuExecutor,
  signal: AbortSignal,
  program: Omit<GpuProgram, 'leaf'>,
): Promise<Uint32Array> {
  const inputs = new Map(program.inputs.map(({ name }) => [name, new Uint8Array(0)]))
  const leaf = (_: number, slot: Uint32Array) => new Uint8Array(slot.buffer, slot.byteOffset, slot.byteLength)
  const bytes = await executor.runProgram({ ...program, leaf }, inputs, signal)
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

function compareSum(words: Uint32Array, answers: Uint32Array, sumAt: number): ConformanceCheck {
  const name = '128-bit carry chain'
  for (let limb = 0; limb < 4; limb++) {
    const at = sumAt + limb
    if (words[at] !== answers[at])
      return { name, ok: false, detail: difference(words[at], answers[at], limb) }
  }
  return { name, ok: true }
}

function difference(actual: number | undefined, expected: number | undefined, index: number): string {
  return `at ${index}: ${hex(actual)} instead of ${hex(expected)}`
}

function hex(word: number | undefined): string {
  return word === undefined ? 'nothing' : `0x${word.toString(16).padStart(8, '0')}`
}
