import { TABLES } from '../../kernel/numerics/tables/index.ts'

/** Runs random kernels inside a WebGPU host. Plain JSON in and out. */

interface Batch {
  readonly code: string
  readonly uniform: number[]
  readonly inputs: number[][]
  readonly slot_words: number
  readonly invocations: number
}

/** The seven invocations of a batch make two workgroups. */
const WORKGROUP = 4

let opened: Promise<GPUDevice> | undefined

async function openDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter()
  if (adapter === null) throw new Error('no WebGPU adapter')
  return adapter.requestDevice()
}

/** @returns the words of the output */
export async function runBatch({ batch }: { readonly batch: Batch }): Promise<number[]> {
  opened ??= openDevice()
  const device = await opened
  device.pushErrorScope('validation')
  const { STORAGE, UNIFORM, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage
  const buffers: GPUBuffer[] = []
  const bufferOf = (words: Uint32Array<ArrayBuffer>, usage: number): GPUBuffer => {
    const buffer = device.createBuffer({ size: words.byteLength, usage: usage | COPY_DST })
    device.queue.writeBuffer(buffer, 0, words)
    buffers.push(buffer)
    return buffer
  }
  const output = bufferOf(new Uint32Array(batch.slot_words), STORAGE | COPY_SRC)
  const bindings: { binding: number; type: GPUBufferBindingType; buffer: GPUBuffer }[] = [
    { binding: 0, type: 'uniform', buffer: bufferOf(Uint32Array.from(batch.uniform), UNIFORM) },
    { binding: 1, type: 'storage', buffer: output },
    ...[
      [2, TABLES['normal-quantile'].words] as const,
      [3, TABLES.exp2.words] as const,
      ...batch.inputs.map((words, i) => [4 + i, Uint32Array.from(words)] as const),
      [15, TABLES.log2.words] as const,
    ].map(([binding, words]) => ({
      binding,
      type: 'read-only-storage' as const,
      buffer: bufferOf(words, STORAGE),
    })),
  ]
  const layout = device.createBindGroupLayout({
    entries: bindings.map(({ binding, type }) => ({
      binding,
      visibility: GPUShaderStage.COMPUTE,
      buffer: { type },
    })),
  })
  const entries = bindings.map(({ binding, buffer }) => ({ binding, resource: { buffer } }))
  const module = device.createShaderModule({ code: batch.code })
  const { messages } = await module.getCompilationInfo()
  const wrong = messages.find(({ type }) => type === 'error')
  if (wrong !== undefined)
    throw new Error(
      `${wrong.message}\nin line ${wrong.lineNum}: ${batch.code.split('\n')[wrong.lineNum - 1]}`,
    )
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: {
      module,
      entryPoint: 'main',
      constants: { wg: WORKGROUP },
    },
  })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }))
  pass.dispatchWorkgroups(Math.ceil(batch.invocations / WORKGROUP))
  pass.end()
  const readback = device.createBuffer({ size: output.size, usage: MAP_READ | COPY_DST })
  buffers.push(readback)
  encoder.copyBufferToBuffer(output, 0, readback, 0, output.size)
  device.queue.submit([encoder.finish()])
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(error.message)
  await readback.mapAsync(GPUMapMode.READ)
  const words = [...new Uint32Array(readback.getMappedRange())]
  for (const buffer of buffers) buffer.destroy()
  return words
}
