/** Adds two u32 on the device: the smallest proof that a host compiles WGSL, dispatches and reads back. */
const SHADER = `
@group(0) @binding(0) var<storage, read_write> io: array<u32>;
@compute @workgroup_size(1) fn main() { io[2] = io[0] + io[1]; }
`

/** @returns the sum modulo 2^32 and what the adapter says of itself */
export async function add({ a, b }: { a: number; b: number }): Promise<{ sum: number; adapter: string }> {
  const adapter = await navigator.gpu.requestAdapter()
  if (adapter === null) throw new Error('no WebGPU adapter')
  const device = await adapter.requestDevice()
  const module = device.createShaderModule({ code: SHADER })
  const pipeline = await device.createComputePipelineAsync({
    layout: 'auto',
    compute: { module, entryPoint: 'main' },
  })
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST
  const io = device.createBuffer({ size: 12, usage })
  const readback = device.createBuffer({ size: 12, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST })
  device.queue.writeBuffer(io, 0, new Uint32Array([a, b, 0]))
  const bindGroup = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: io } }],
  })
  const encoder = device.createCommandEncoder()
  const pass = encoder.beginComputePass()
  pass.setPipeline(pipeline)
  pass.setBindGroup(0, bindGroup)
  pass.dispatchWorkgroups(1)
  pass.end()
  encoder.copyBufferToBuffer(io, 0, readback, 0, 12)
  device.queue.submit([encoder.finish()])
  await readback.mapAsync(GPUMapMode.READ)
  const sum = new Uint32Array(readback.getMappedRange())[2] ?? Number.NaN
  readback.unmap()
  device.destroy()
  const { vendor, architecture, device: model, description } = adapter.info
  return { sum, adapter: [vendor, architecture, model, description].filter(Boolean).join(' ') }
}
