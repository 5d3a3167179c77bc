import { assertProgramAdmitted, DISPATCH_WORDS } from '../../kernel/execute/admission.ts'
import type { GpuProgram, InputBytes } from '../../kernel/ops/op.ts'
import { kernelSource } from '../../shaders/sources.ts'
import { failed, type OpenDevice, scoped } from './device.ts'
import { BUFFER_USAGE } from './flags.ts'
import { BINDING, type KernelPipeline, type PipelineCache } from './pipelines.ts'

/** Output bytes of one batch of shards, unless a single slot is larger. */
const OUTPUT_BYTES = 8 * 1024 * 1024

/** What one job holds on a device. */
export interface JobBuffers {
  /** The one that this device runs. */
  readonly program: GpuProgram
  readonly compiled: KernelPipeline
  readonly group: GPUBindGroup
  readonly uniform: GPUBuffer
  /** Holds `slots` slots; pooled by the job, so it is cleared before each batch. */
  readonly output: GPUBuffer
  /** For reading the output back: one for each dispatch that may be queued. */
  readonly staging: GPUBuffer[]
  readonly slots: number
  readonly slot_bytes: number
  destroy(): void
}

/**
 * @param normative the job's program, whose proofs hold for the one that runs, too
 * @param program the same, or a variant of it
 * @throws ForgeError EXECUTOR_FAILED when the job leaves what the kernel's proofs assume, the device lacks the memory or
 * refuses the kernel
 */
export async function createJobBuffers(
  opened: OpenDevice,
  pipelines: PipelineCache,
  normative: GpuProgram,
  program: GpuProgram,
  inputs: InputBytes,
  stagings: number,
): Promise<JobBuffers> {
  const { admission } = await kernelSource(normative.kernel)
  if (admission !== undefined) assertProgramAdmitted(admission, normative)
  const { device, limits } = opened
  const slot_bytes = 4 * program.slot_words
  if (slot_bytes > limits.storage_buffer_bytes)
    throw failed(`a shard's ${slot_bytes} bytes exceed this device's buffers`)
  const slots = Math.max(1, Math.floor(Math.min(OUTPUT_BYTES, limits.storage_buffer_bytes) / slot_bytes))
  const operands = program.inputs.map(({ name, pack }) => {
    const bytes = inputs.get(name)
    if (bytes === undefined) throw failed(`the operand ${name} is missing`)
    const words = pack(bytes)
    if (words.byteLength > limits.storage_buffer_bytes) {
      throw failed(`the operand ${name} of ${words.byteLength} bytes exceeds this device's buffers`)
    }
    return words
  })
  const compiled = await pipelines.get(program.kernel, program.tables, operands.length)

  return scoped(device, `no memory for ${program.kernel}`, () => {
    const owned: GPUBuffer[] = []
    const buffer = (label: string, size: number, usage: number): GPUBuffer => {
      const made = device.createBuffer({ label, size, usage })
      owned.push(made)
      return made
    }
    const output_bytes = slots * slot_bytes
    const uniform_bytes = Math.ceil((4 * (DISPATCH_WORDS + program.words.length)) / 16) * 16
    const uniform = buffer('uniform', uniform_bytes, BUFFER_USAGE.UNIFORM | BUFFER_USAGE.COPY_DST)
    const output = buffer(
      'output',
      output_bytes,
      BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_SRC | BUFFER_USAGE.COPY_DST,
    )
    const staging = Array.from({ length: stagings }, () =>
      buffer('staging', output_bytes, BUFFER_USAGE.MAP_READ | BUFFER_USAGE.COPY_DST),
    )
    device.queue.writeBuffer(uniform, 4 * DISPATCH_WORDS, new Uint32Array(program.words))
    const entries: GPUBindGroupEntry[] = [
      { binding: BINDING.uniform, resource: { buffer: uniform } },
      { binding: BINDING.output, resource: { buffer: output } },
    ]
    for (const name of program.tables)
      entries.push({ binding: BINDING[name], resource: { buffer: pipelines.table(name) } })
    for (const [index, words] of operands.entries()) {
      const operand = buffer(
        'operand',
        Math.max(16, words.byteLength),
        BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_DST,
      )
      device.queue.writeBuffer(operand, 0, new Uint32Array(words))
      entries.push({ binding: BINDING.inputs + index, resource: { buffer: operand } })
    }
    const group = device.createBindGroup({ layout: compiled.layout, entries })
    return {
      program,
      compiled,
      group,
      uniform,
      output,
      staging,
      slots,
      slot_bytes,
      destroy: () => {
        for (const made of owned) made.destroy()
      },
    }
  })
}
