import { ForgeError, invariant } from '../errors.ts'
import { TABLES } from '../numerics/tables/index.ts'
import type { GpuProgram, InputBytes } from '../ops/op.ts'
import { assertAdmitted, DISPATCH_WORDS } from './admission.ts'

/**
 * Runs a kernel that was compiled to WASM. The module imports `env.memory`, and exports `run(first, end, y)`, `admit()`
 * and `heap`, the first byte that is the host's. Bytes 0 to 63 of the memory hold the address of each binding's buffer, bytes 64 to
 * 127 its length in words (shaders/compiler/memory-plan.ts). The module reaches nothing else: the same bytes run in a
 * page, a worker, Node and a verifier, and trap where they would leave their buffers.
 */

const LENGTHS_AT = 64
const BINDING = { uniform: 0, output: 1, 'normal-quantile': 2, exp2: 3, inputs: 4, log2: 15 } as const
const PAGE_BYTES = 65_536
/** Lanes beyond the last invocation may read so far beyond a buffer. */
const SPARE_BYTES = 16
/** 1 GiB: more than any plan asks for. */
const PAGES_MAX = 16_384

interface KernelExports {
  readonly run: (first: number, end: number, y: number) => void
  readonly admit: () => number
  readonly heap: WebAssembly.Global
}

/** One job's kernel with its uniform, tables and operands in place. Synchronous: a shard is one uninterruptible call. */
export class WasmProgram {
  readonly #program: GpuProgram
  readonly #memory: WebAssembly.Memory
  readonly #exports: KernelExports
  readonly #uniformAt: number
  readonly #outputAt: number

  /**
   * @param module compiled from the bytes that `shaders/generated` holds for the program's kernel
   * @throws ForgeError INPUT_MISSING, EXECUTOR_FAILED when the host lacks the memory
   */
  constructor(module: WebAssembly.Module, program: GpuProgram, inputs: InputBytes) {
    const operands = program.inputs.map(({ name, pack }) => {
      const bytes = inputs.get(name)
      if (bytes === undefined)
        throw new ForgeError('INPUT_MISSING', `the bytes of the input "${name}" are missing`, {
          path: `inputs.${name}`,
        })
      return pack(bytes)
    })
    const uniform = new Uint32Array(DISPATCH_WORDS + program.words.length)
    uniform.set(program.words, DISPATCH_WORDS)
    const buffers = new Map<number, Uint32Array>([[BINDING.uniform, uniform]])
    for (const name of program.tables) buffers.set(BINDING[name], TABLES[name].words)
    for (const [i, words] of operands.entries()) buffers.set(BINDING.inputs + i, words)
    buffers.set(BINDING.output, new Uint32Array(program.slot_words))

    // The module's own part is small; 64 KiB hold it, and the rest follows.
    const sizes = [...buffers].map(([binding, words]) => ({
      binding,
      words,
      bytes: roundUp(words.byteLength, 64),
    }))
    const pages = 1 + Math.ceil(sizes.reduce((sum, { bytes }) => sum + bytes, SPARE_BYTES) / PAGE_BYTES)
    if (pages > PAGES_MAX)
      throw new ForgeError('EXECUTOR_FAILED', 'the operands do not fit the memory of a WASM kernel')
    try {
      this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages })
    } catch (cause) {
      throw new ForgeError('EXECUTOR_FAILED', `no ${pages} pages of memory for a WASM kernel`, { cause })
    }
    const instance = new WebAssembly.Instance(module, { env: { memory: this.#memory } })
    this.#exports = instance.exports as unknown as KernelExports
    let at = roundUp(Number(this.#exports.heap.value), 64)
    invariant(at <= PAGE_BYTES, 'the arrays of a kernel fit one page')
    const words = new Uint32Array(this.#memory.buffer)
    let uniformAt = 0
    let outputAt = 0
    for (const { binding, words: content, bytes } of sizes) {
      words[binding] = at
      words[LENGTHS_AT / 4 + binding] = content.length
      words.set(content, at / 4)
      if (binding === BINDING.uniform) uniformAt = at
      if (binding === BINDING.output) outputAt = at
      at += bytes
    }
    this.#program = program
    this.#uniformAt = uniformAt
    this.#outputAt = outputAt
    assertAdmitted(this.#exports.admit, program.kernel)
  }

  /**
   * One shard's leaf.
   * @throws ForgeError EXECUTOR_FAILED where the kernel trapped
   */
  leaf(shard: number): Uint8Array {
    const { invocations, slot_words } = this.#program
    const stage = this.#program.stage_invocations ?? invocations
    const dispatch = new Uint32Array(this.#memory.buffer, this.#uniformAt, DISPATCH_WORDS)
    const output = new Uint32Array(this.#memory.buffer, this.#outputAt, slot_words)
    output.fill(0)
    try {
      for (let first = 0; first < invocations; first += stage) {
        const end = Math.min(first + stage, invocations)
        dispatch.set([first, end, shard, slot_words])
        this.#exports.run(0, end - first, 0)
      }
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ForgeError('EXECUTOR_FAILED', `the kernel ${this.#program.kernel} trapped: ${reason}`, {
        cause,
      })
    }
    return this.#program.leaf(shard, output.slice())
  }
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to
}
