import { TABLES, type TableName } from '../../kernel/numerics/tables/index.ts'
import { kernelSource } from '../../shaders/sources.ts'
import { failed, type OpenDevice, scoped } from './device.ts'
import { BUFFER_USAGE, STAGE_COMPUTE } from './flags.ts'

/** Bindings of group 0, as `kernel/ops/op.ts` fixes them for every kernel. */
export const BINDING = { uniform: 0, output: 1, 'normal-quantile': 2, exp2: 3, inputs: 4, log2: 15 } as const

export interface KernelPipeline {
  readonly pipeline: GPUComputePipeline
  readonly layout: GPUBindGroupLayout
}

/** Compiles each kernel once a device, and keeps the frozen tables in device memory. */
export class PipelineCache {
  readonly #opened: OpenDevice
  readonly #pipelines = new Map<string, Promise<KernelPipeline>>()
  readonly #tables = new Map<TableName, GPUBuffer>()

  constructor(opened: OpenDevice) {
    this.#opened = opened
  }

  /**
   * @param kernel name in the generated kernels
   * @param tables tables that it binds
   * @param inputs operands that it binds
   * @throws ForgeError EXECUTOR_FAILED with the compiler's first message
   */
  get(kernel: string, tables: readonly TableName[], inputs: number): Promise<KernelPipeline> {
    let pipeline = this.#pipelines.get(kernel)
    if (pipeline === undefined) {
      pipeline = this.#compile(kernel, tables, inputs)
      this.#pipelines.set(kernel, pipeline)
      // What failed to load once may load the next time; what does not compile will not, and says so again.
      pipeline.catch(() => this.#pipelines.delete(kernel))
    }
    return pipeline
  }

  table(name: TableName): GPUBuffer {
    let buffer = this.#tables.get(name)
    if (buffer === undefined) {
      const { words } = TABLES[name]
      const { device } = this.#opened
      buffer = device.createBuffer({
        label: name,
        size: words.byteLength,
        usage: BUFFER_USAGE.STORAGE | BUFFER_USAGE.COPY_DST,
      })
      device.queue.writeBuffer(buffer, 0, words)
      this.#tables.set(name, buffer)
    }
    return buffer
  }

  async #compile(kernel: string, tables: readonly TableName[], inputs: number): Promise<KernelPipeline> {
    const { device, limits } = this.#opened
    const storages = 1 + tables.length + inputs
    if (storages > limits.storage_buffers) {
      throw failed(
        `${kernel} binds ${storages} storage buffers; this device allows ${limits.storage_buffers}`,
      )
    }
    const { wgsl: code } = await kernelSource(kernel)
    return scoped(device, `the kernel ${kernel} does not compile`, async () => {
      const module = device.createShaderModule({ label: kernel, code })
      const readOnly = [
        ...tables.map((name) => BINDING[name]),
        ...Array.from({ length: inputs }, (_, i) => BINDING.inputs + i),
      ]
      const layout = device.createBindGroupLayout({
        label: kernel,
        entries: [
          { binding: BINDING.uniform, visibility: STAGE_COMPUTE, buffer: { type: 'uniform' } },
          { binding: BINDING.output, visibility: STAGE_COMPUTE, buffer: { type: 'storage' } },
          ...readOnly.map((binding) => ({
            binding,
            visibility: STAGE_COMPUTE,
            buffer: { type: 'read-only-storage' } as const,
          })),
        ],
      })
      const compiled = device.createComputePipelineAsync({
        label: kernel,
        layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
        compute: { module, entryPoint: 'main', constants: { wg: limits.workgroup_size } },
      })
      try {
        return { pipeline: await compiled, layout }
      } catch (cause) {
        // The compiler's own words are in the module, not in the pipeline's error.
        const info = await module.getCompilationInfo()
        const first = info.messages.find((message) => message.type === 'error')
        throw first === undefined ? cause : new Error(`line ${first.lineNum}: ${first.message}`)
      }
    })
  }
}
