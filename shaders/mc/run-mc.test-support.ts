import type { ContractInput } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { invariant } from '../../kernel/errors.ts'
import { TABLES } from '../../kernel/numerics/tables/index.ts'
import type { GpuProgram } from '../../kernel/ops/op.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { kernelSource } from '../sources.ts'

/**
 * Runs Monte Carlo shards on the host's WebGPU, as plainly as the binding convention allows: what a kernel computes
 * is tested here, without the agent's executor.
 */
export interface McRun {
  readonly contract: ContractInput
  /** A batch of consecutive shards along y. */
  readonly first: number
  readonly count: number
  /** Where each shard is cut along x, as fractions of its invocations. */
  readonly cuts: readonly number[]
  /** Workgroup size. */
  readonly wg: number
}

let opened: Promise<GPUDevice> | undefined
const pipelines = new Map<string, Promise<GPUComputePipeline>>()

async function openDevice(): Promise<GPUDevice> {
  const adapter = await navigator.gpu.requestAdapter()
  if (adapter === null) throw new Error('no WebGPU adapter')
  return adapter.requestDevice()
}

function pipelineOf(device: GPUDevice, kernel: string, wg: number): Promise<GPUComputePipeline> {
  const id = `${kernel} ${wg}`
  const known = pipelines.get(id)
  if (known !== undefined) return known
  const made = kernelSource(kernel).then(({ wgsl }) => {
    const module = device.createShaderModule({ code: wgsl })
    const compute = { module, entryPoint: 'main', constants: { wg } }
    return device.createComputePipelineAsync({ layout: 'auto', compute })
  })
  pipelines.set(id, made)
  return made
}

function bufferOf(device: GPUDevice, words: Uint32Array<ArrayBuffer>, usage: number): GPUBuffer {
  const buffer = device.createBuffer({ size: words.byteLength, usage: usage | GPUBufferUsage.COPY_DST })
  device.queue.writeBuffer(buffer, 0, words)
  return buffer
}

/** SHA-256 of each shard's leaf, and of the plan as this host makes it. */
export async function runMc(run: McRun): Promise<{ plan: string; leaves: string[] }> {
  const job = OPS.prepare(run.contract)
  opened ??= openDevice()
  const device = await opened
  device.pushErrorScope('validation')
  const slots = await dispatch(device, job.gpu(), run)
  const error = await device.popErrorScope()
  if (error !== null) throw new Error(error.message)
  const program = job.gpu()
  const leaves = Array.from({ length: run.count }, (_, i) => {
    const slot = slots.slice(i * program.slot_words, (i + 1) * program.slot_words)
    return sha256Hex(program.leaf(run.first + i, slot))
  })
  return { plan: job.planDigest, leaves }
}

async function dispatch(device: GPUDevice, program: GpuProgram, run: McRun): Promise<Uint32Array> {
  const pipeline = await pipelineOf(device, program.kernel, run.wg)
  const stale = new Uint32Array(program.slot_words * run.count).fill(0xabcdef)
  const output = bufferOf(device, stale, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC)
  const tables = program.tables.map((name) => ({
    binding: name === 'normal-quantile' ? 2 : 3,
    resource: { buffer: bufferOf(device, TABLES[name].words, GPUBufferUsage.STORAGE) },
  }))
  const edges = [0, ...run.cuts, 1].map((cut) => Math.floor(cut * program.invocations))
  const encoder = device.createCommandEncoder()
  encoder.clearBuffer(output)
  for (let part = 0; part + 1 < edges.length; part++) {
    const [first, end] = [edges[part] as number, edges[part + 1] as number]
    const words = Uint32Array.of(first, end, run.first, program.slot_words, ...program.words)
    invariant(words.length % 4 === 0, 'a uniform of whole 16-byte rows')
    const uniform = bufferOf(device, words, GPUBufferUsage.UNIFORM)
    const entries = [
      { binding: 0, resource: { buffer: uniform } },
      { binding: 1, resource: { buffer: output } },
      ...tables,
    ]
    const pass = encoder.beginComputePass()
    pass.setPipeline(pipeline)
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }))
    pass.dispatchWorkgroups(Math.ceil((end - first) / run.wg), run.count)
    pass.end()
  }
  const size = output.size
  const readback = device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  encoder.copyBufferToBuffer(output, 0, readback, 0, size)
  device.queue.submit([encoder.finish()])
  await readback.mapAsync(GPUMapMode.READ)
  const slots = new Uint32Array(readback.getMappedRange().slice(0))
  for (const buffer of [readback, output]) buffer.destroy()
  return slots
}
