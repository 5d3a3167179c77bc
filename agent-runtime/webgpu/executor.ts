import type { PreparedJob } from '../../kernel/job.ts'
import type { GpuProgram, InputBytes } from '../../kernel/ops/op.ts'
import { throwIfAborted } from '../clock.ts'
import type { Executor, ShardLeaf, ShardRunner } from '../executor.ts'
import { type DeviceOptions, failed, type OpenDevice, openDevice } from './device.ts'
import { createJobBuffers, type JobBuffers } from './job-buffers.ts'
import { PACING, Pacer } from './pacing.ts'
import { PipelineCache } from './pipelines.ts'
import { runOnDevice } from './runner.ts'
import { knownProgram, type Trial, tryPrograms, type VariantChoices } from './variants.ts'

/** Rounds of submitting nothing, from which the cost of hearing about completion is known. */
const LATENCY_ROUNDS = 3

/** A device with what is compiled on it; replaced as a whole when the device is lost. */
interface Stage {
  readonly opened: OpenDevice
  readonly pipelines: PipelineCache
  readonly latencyMs: number
  readonly choices: VariantChoices
}

/**
 * The WebGPU executor, on whatever `GPU` object the host has: a browser's worker, Dawn under Node, Deno. A lost device
 * is opened again once and the shards without a leaf are run again; a second loss without a leaf in between is final.
 */
export class WebGpuExecutor implements Executor {
  readonly kind = 'webgpu'
  readonly width = 1
  readonly #gpu: GPU
  readonly #options: DeviceOptions
  #stage: Promise<Stage>
  readonly label: string
  readonly memory_bytes: number
  #closed = false
  #generation = 0

  private constructor(gpu: GPU, options: DeviceOptions, stage: Stage) {
    this.#gpu = gpu
    this.#options = options
    this.#stage = Promise.resolve(stage)
    this.label = stage.opened.label
    this.memory_bytes = stage.opened.limits.storage_buffer_bytes
  }

  /** @throws ForgeError EXECUTOR_FAILED when there is no usable device */
  static async open(gpu: GPU, options: DeviceOptions = {}): Promise<WebGpuExecutor> {
    return new WebGpuExecutor(gpu, options, await openStage(gpu, options))
  }

  get generation(): number {
    return this.#generation
  }

  async prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner> {
    const unitsPerShard = job.plan.work_units / job.plan.shard_count
    const runner = new JobRunner(() => this.#live(), job.gpu(), inputs, unitsPerShard)
    await runner.compile()
    return runner
  }

  /**
   * One shard of a program that is not a job's: the conformance probe, the demonstration, a variant.
   * @returns the leaf
   */
  async runProgram(
    program: GpuProgram,
    inputs: InputBytes,
    signal: AbortSignal,
    shard = 0,
  ): Promise<Uint8Array> {
    const runner = new JobRunner(() => this.#live(), program, inputs, 0)
    try {
      for await (const { leaf } of runner.run(shard, 1, signal)) return leaf
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
    if (this.#stage === known) {
      this.#generation++
      this.#stage = openStage(this.#gpu, this.#options)
    }
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
  return { opened, pipelines: new PipelineCache(opened), latencyMs, choices: new Map() }
}

/** So much earlier than the loss that caused it a failure may be heard: milliseconds. */
const LOSS_HEARD_MS = 100

/** Why a device that has just failed is lost; undefined when it is not. */
async function lossOf(opened: OpenDevice): Promise<string | undefined> {
  if (opened.lost === undefined) {
    let timer: ReturnType<typeof setTimeout> | undefined
    await Promise.race([
      opened.device.lost,
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LOSS_HEARD_MS)
      }),
    ])
    clearTimeout(timer)
  }
  return opened.lost
}

/** A program with its operands on a device. */
interface HeldProgram {
  readonly stage: Stage
  readonly program: GpuProgram
  readonly buffers: JobBuffers
  readonly pacer: Pacer
}

class JobRunner implements ShardRunner {
  readonly #live: () => Promise<Stage>
  readonly #program: GpuProgram
  readonly #inputs: InputBytes
  readonly #unitsPerShard: number
  #held: HeldProgram | undefined
  #closed = false

  constructor(live: () => Promise<Stage>, program: GpuProgram, inputs: InputBytes, unitsPerShard: number) {
    this.#live = live
    this.#program = program
    this.#inputs = inputs
    this.#unitsPerShard = unitsPerShard
  }

  /** Says now what the device has against the job. Which variant is fastest is found when a run allows computing. */
  async compile(): Promise<void> {
    const stage = await this.#live()
    const [program] = knownProgram(stage.opened, stage.choices, this.#program, this.#unitsPerShard)
    this.#held ??= await this.#hold(stage, program)
  }

  async #ready(signal: AbortSignal): Promise<HeldProgram> {
    const stage = await this.#live()
    const [known, untried] = knownProgram(stage.opened, stage.choices, this.#program, this.#unitsPerShard)
    if (untried.length === 0 && this.#held?.stage === stage) return this.#held
    this.#held?.buffers.destroy()
    this.#held = undefined
    const program =
      untried.length === 0
        ? known
        : await tryPrograms([known, ...untried], stage.choices, this.#program.kernel, (candidate) =>
            this.#trial(stage, candidate, signal),
          )
    this.#held = await this.#hold(stage, program)
    return this.#held
  }

  /** The first shard by a program, twice on its buffers: the second run finds everything compiled. */
  async #trial(stage: Stage, program: GpuProgram, signal: AbortSignal): Promise<Trial> {
    const { opened } = stage
    const { buffers, pacer } = await this.#hold(stage, program)
    try {
      let trial: Trial = { ms: 0, leaf: new Uint8Array(0) }
      for (let round = 0; round < 2; round++) {
        const startedAt = performance.now()
        for await (const { leaf } of runOnDevice(opened, buffers, pacer, 0, 1, signal, () => false))
          trial = { ms: performance.now() - startedAt, leaf }
      }
      return trial
    } finally {
      buffers.destroy()
    }
  }

  async #hold(stage: Stage, program: GpuProgram): Promise<HeldProgram> {
    const unitsPerInvocation = this.#unitsPerShard / program.invocations
    const first = Math.ceil((1000 * PACING.first_ms) / Math.max(unitsPerInvocation, 1e-6))
    const pacer = new Pacer(stage.latencyMs, first)
    const { opened, pipelines } = stage
    const buffers = await createJobBuffers(
      opened,
      pipelines,
      this.#program,
      program,
      this.#inputs,
      pacer.depth,
    )
    return { stage, program, buffers, pacer }
  }

  async *run(
    first: number,
    count: number,
    signal: AbortSignal,
    rests: () => boolean = () => false,
  ): AsyncGenerator<ShardLeaf> {
    const end = first + count
    let next = first
    let lossAt = -1
    while (next < end) {
      throwIfAborted(signal)
      if (this.#closed) throw failed('the job is closed on this device')
      let held: HeldProgram | undefined
      try {
        held = await this.#ready(signal)
        for await (const leaf of runOnDevice(
          held.stage.opened,
          held.buffers,
          held.pacer,
          next,
          end,
          signal,
          rests,
        )) {
          yield leaf
          next = leaf.shard + 1
        }
      } catch (error) {
        const lost = held === undefined ? undefined : await lossOf(held.stage.opened)
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
