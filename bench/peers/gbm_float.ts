/** Peer for gbm on WebGPU: drives gbm_float.wgsl as its users would, one large dispatch at a time. Runs in a page. */

const INVOCATIONS = 65_536
const WORKGROUP_SIZE = 64
const MODEL = { steps: 252, drift: 1e-4, deviation: 0.03 }
/** F N(d1) - N(d2) of Black and Scholes for this model, F = exp(252 (1e-4 + 0.03^2 / 2)). */
const MEAN_PAYOFF = 0.285
/** A dispatch grows until it takes about as long as a run of the other side. */
const RUN_MS = 300
const PATHS_MAX = 4096

export class FloatPaths {
  readonly #device: GPUDevice
  readonly #pipeline: GPUComputePipeline
  readonly #group: GPUBindGroup
  readonly #params: GPUBuffer
  readonly #sums: GPUBuffer
  readonly #readback: GPUBuffer
  #paths = 1
  #seed = 1

  private constructor(device: GPUDevice, pipeline: GPUComputePipeline) {
    this.#device = device
    this.#pipeline = pipeline
    const bytes = 4 * INVOCATIONS
    this.#params = device.createBuffer({ size: 32, usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST })
    this.#sums = device.createBuffer({ size: bytes, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC })
    this.#readback = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    })
    this.#group = device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        { binding: 0, resource: { buffer: this.#params } },
        { binding: 1, resource: { buffer: this.#sums } },
      ],
    })
  }

  /**
   * @param code text of gbm_float.wgsl
   * @param pcg whether it draws from PCG instead of Philox
   */
  static async open(adapter: GPUAdapter, code: string, pcg: boolean): Promise<FloatPaths> {
    const device = await adapter.requestDevice()
    const pipeline = await device.createComputePipelineAsync({
      layout: 'auto',
      compute: {
        module: device.createShaderModule({ code }),
        entryPoint: 'main',
        constants: { pcg: Number(pcg) },
      },
    })
    return new FloatPaths(device, pipeline)
  }

  async warmUp(): Promise<void> {
    for (let spent = 0; spent < 5 * RUN_MS; ) {
      const { ms } = await this.#run()
      spent += ms
      this.#paths = Math.min(PATHS_MAX, Math.max(1, Math.round((this.#paths * RUN_MS) / ms)))
    }
  }

  /**
   * One run.
   * @returns millions of path-steps per second
   * @throws Error where the mean payoff is not that of the model
   */
  async rate(): Promise<number> {
    const { ms, mean } = await this.#run()
    if (Math.abs(mean - MEAN_PAYOFF) > 0.01) throw new Error(`a mean payoff of ${mean}, not ${MEAN_PAYOFF}`)
    return (INVOCATIONS * this.#paths * MODEL.steps) / ms / 1000
  }

  async #run(): Promise<{ readonly ms: number; readonly mean: number }> {
    const startedAt = performance.now()
    const params = new ArrayBuffer(32)
    new Uint32Array(params).set([this.#seed++, this.#paths, MODEL.steps])
    new Float32Array(params).set([MODEL.drift, MODEL.deviation], 3)
    this.#device.queue.writeBuffer(this.#params, 0, params)
    const encoder = this.#device.createCommandEncoder()
    const pass = encoder.beginComputePass()
    pass.setPipeline(this.#pipeline)
    pass.setBindGroup(0, this.#group)
    pass.dispatchWorkgroups(INVOCATIONS / WORKGROUP_SIZE)
    pass.end()
    encoder.copyBufferToBuffer(this.#sums, 0, this.#readback, 0, 4 * INVOCATIONS)
    this.#device.queue.submit([encoder.finish()])
    await this.#readback.mapAsync(GPUMapMode.READ)
    let sum = 0
    for (const payoffs of new Float32Array(this.#readback.getMappedRange())) sum += payoffs
    this.#readback.unmap()
    return { ms: performance.now() - startedAt, mean: sum / (INVOCATIONS * this.#paths) }
  }
}
