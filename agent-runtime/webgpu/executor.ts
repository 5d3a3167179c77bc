import type { PreparedJob } from '../../kernel/job.ts'
import type { GpuProgram, InputBytes } from '../../kernel/ops/op.ts'
import { throwIfAborted } from '../clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from '../executor.ts'
import { type DeviceOptions, failed, type OpenDevice, openDevice } from './device.ts'
import { createJobBuffers, type JobBuffers } from './job-buffers.ts'
import { PACING, Pacer } from './pacing.ts'
import { PipelineCache } from './pipelines.ts'
import { runOnDevice } from './runner.ts'

/** Rounds of submitting nothing, from which the cost of hearing about completion is known. */
const LATENCY_ROUNDS = 3

/** A device with what is compiled on it; replaced as a whole when the device is lost. */
interface Stage {
  readonly opened: OpenDevice
  readonly pipelines: PipelineCache
  readonly latencyMs: number
}

/**
 * The WebGPU executor, on whatever `GPU` object the host has: a browser's worker, Dawn under Node, Deno. A lost device
 * is opened again once and the shards without a leaf are run again; a second loss without a leaf in between is final.
 */
export class WebGpuExecutor implements Executor {
  readonly kind = 'webgpu'
  readonly #gpu: GPU
  readonly #options: DeviceOptions
  #stage: Promise<Stage>
  readonly label: string
  #closed = false

  private constructor(gpu: GPU, options: DeviceOptions, stage: Stage) {
    this.#gpu = gpu
    this.#options = options
    this.#stage = Promise.resolve(stage)
    this.label = stage.opened.label
  }

  /** @throws ForgeError EXECUTOR_FAILED when there is no usable device */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<WebGpuExecutor> {
    return new WebGpuExecutor(gpu, options, await openStage(gpu, options))
  }

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    const program = job.gpu()
    const unitsPerInvocation = job.plan.work_units / (job.plan.shard_count * program.invocations)
    const runner = new JobRunner(() => this.#live(), program, inputs, unitsPerInvocation)
    await runner.ready()
    return runner
  }

  /**
   * One shard of a program that is not an op: the conformance probe and the demonstration.
   * @returns the leaf
   */
  async runProgram(program: GpuProgram, inputs: InputBytes, signal: AbortSignal): Promise<Uint8Array> {
    const runner = new JobRunner(() => this.#live(), program, inputs, 0)
    try {
      for await (const { leaf } of runner.run(0, 1, signal)) return leaf
      throw failed('a program gave no leaf')
    } finally {
      runner.close()
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const stage = await this.#stage.catch(() => undefined)
    stage?.opened.device.destroy()
  }

  async #live(): Promise<Stage> {
    if (this.#closed) throw failed('the executor is closed')
    const known = this.#stage
    const stage = await known
    if (stage.opened.lost === undefined) return stage
    // Several jobs may find the loss at once; the first one replaces the device for all.
    if (this.#stage === known) this.#stage = openStage(this.#gpu, this.#options)
    return this.#stage
  }
}

async function openStage(gpu: GPU, options: DeviceOptions): Promise<Stage> {
  const opened = await openDevice(gpu, options)
  let latencyMs = Number.POSITIVE_INFINITY
  for (let round = 0; round < LATENCY_ROUNDS; round++) {
    const startedAt = performance.now()
    opened.device.queue.submit([])
    await opened.device.queue.onSubmittedWorkDone()
    latencyMs = Math.min(latencyMs, performance.now() - startedAt)
  }
  return { opened, pipelines: new PipelineCache(opened), latencyMs }
}

class JobRunner implements ShardRunner {
  readonly #live: () => Promise<Stage>
  readonly #program: GpuProgram
  readonly #inputs: InputBytes
  readonly #firstInvocations: number
  #held: { readonly stage: Stage; readonly buffers: JobBuffers; readonly pacer: Pacer } | undefined
  #closed = false

  constructor(
    live: () => Promise<Stage>,
    program: GpuProgram,
    inputs: InputBytes,
    unitsPerInvocation: number,
  ) {
    this.#live = live
    this.#program = program
    this.#inputs = inputs
    this.#firstInvocations = Math.ceil((1000 * PACING.first_ms) / Math.max(unitsPerInvocation, 1e-6))
  }

  async ready() {
    const stage = await this.#live()
    if (this.#held?.stage !== stage) {
      const pacer = new Pacer(stage.latencyMs, this.#firstInvocations)
      const buffers = await createJobBuffers(
        stage.opened,
        stage.pipelines,
        this.#program,
        this.#inputs,
        pacer.depth,
      )
      this.#held = { stage, buffers, pacer }
    }
    return this.#held
  }

  async *run(first: number, count: number, signal: AbortSignal): AsyncGenerator<ShardLeaf> {
    const end = first + count
    let next = first
    let lossAt = -1
    while (next < end) {
      throwIfAborted(signal)
      if (this.#closed) throw failed('the job is closed on this device')
      let held: Awaited<ReturnType<JobRunner['ready']>> | undefined
      try {
        held = await this.ready()
        for await (const leaf of runOnDevice(
          held.stage.opened,
          held.buffers,
          held.pacer,
          next,
          end,
          signal,
        )) {
          yield leaf
          next = leaf.shard + 1
        }
      } catch (error) {
        const lost = held?.stage.opened.lost
        if (signal.aborted || this.#closed || lost === undefined) throw error
        if (lossAt === next) throw failed(`the device was lost twice on shard ${next}: ${lost}`, error)
        lossAt = next
      }
    }
  }

  close(): void {
    this.#closed = true
    this.#held?.buffers.destroy()
    this.#held = undefined
  }
}
