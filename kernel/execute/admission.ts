import { ForgeError } from '../errors.ts'
import type { GpuProgram } from '../ops/op.ts'

/**
 * The proofs of a kernel assume ranges of its uniform words, and bound its loops by them. Every host asks whether a job
 * keeps to them before it runs anything: a WASM host its module, a device the module that holds the question alone.
 */

/** Words first_invocation, end_invocation, first_shard, slot_words, which stand first in every uniform. */
export const DISPATCH_WORDS = 4

/** Bytes 0 to 3 of a module's memory hold the address of the uniform (shaders/compiler/memory-plan.ts). */
const UNIFORM_AT = 64
const PAGE_BYTES = 65_536

/**
 * @param admit as a compiled module exports it, with the uniform in its memory
 * @param kernel for the message
 * @throws ForgeError EXECUTOR_FAILED naming the word that leaves its range, or the iterations
 */
export function assertAdmitted(admit: () => number, kernel: string): void {
  const answer = admit()
  if (answer === 0) return
  throw new ForgeError(
    'EXECUTOR_FAILED',
    answer < 0
      ? `an invocation of ${kernel} would run more than 32,768 loop iterations`
      : `word ${answer - 1} of the uniform of ${kernel} leaves its proven range`,
    { hint: 'The plan of the op must keep to what its kernel declares.' },
  )
}

/**
 * Asks for a device, which runs no module.
 * @param module the kernel's admission module
 * @throws ForgeError EXECUTOR_FAILED as `assertAdmitted`
 */
export function assertProgramAdmitted(module: WebAssembly.Module, program: GpuProgram): void {
  const bytes = UNIFORM_AT + 4 * (DISPATCH_WORDS + program.words.length)
  const pages = Math.ceil(bytes / PAGE_BYTES)
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
  const words = new Uint32Array(memory.buffer)
  words[0] = UNIFORM_AT
  words[UNIFORM_AT / 4 + 1] = program.invocations
  words[UNIFORM_AT / 4 + 3] = program.slot_words
  words.set(program.words, UNIFORM_AT / 4 + DISPATCH_WORDS)
  const { exports } = new WebAssembly.Instance(module, { env: { memory } })
  assertAdmitted(exports.admit as () => number, program.kernel)
}
