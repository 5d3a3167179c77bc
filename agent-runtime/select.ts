import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry } from '../kernel/job.ts'
import type { ExecutorKind } from '../kernel/receipt.ts'
import { type Clock, throwIfAborted } from './clock.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
import { speedJob } from './golden.ts'
import { assertConformance, type ConformanceReport, probeConformance } from './probe.ts'
import { type GoldenCheck, VerifiedExecutor } from './verified-executor.ts'
import { WebGpuExecutor } from './webgpu/executor.ts'

export type ExecutorChoice = 'auto' | 'webgpu' | 'cpu'

/** What was found out about one executor before it was used. */
export interface ExecutorReport {
  readonly kind: ExecutorKind
  readonly label: string
  readonly ok: boolean
  /** Why it is not used, in words for its owner. */
  readonly reason?: string
  readonly conformance?: ConformanceReport
  readonly golden: readonly GoldenCheck[]
  /** Work units per second on the timing job. */
  readonly speed?: number
}

/** How this host makes executors. */
export interface ExecutorHost {
  /** Undefined where there is no WebGPU. */
  readonly gpu: GPU | undefined
  /** Words for the owner when `gpu` is undefined. */
  readonly noGpuReason: string
  makeCpu(): Promise<Executor>
}

export interface SelectedExecutor {
  readonly executor: Executor
  readonly speed: number
}

/** Timing goes on until a device has shown this much work. */
const TIMING_MS = 200
const TIMING_SHARDS_MAX = 1024

/**
 * Opens, probes and times the executors asked for. `auto` takes the faster of those that compute correctly: a software
 * WebGPU is slower than the CPU it runs on.
 * @param report called once for each executor that was tried
 * @throws ForgeError EXECUTOR_FAILED with the reason of the last one when none is usable
 */
export async function selectExecutor(
  choice: ExecutorChoice,
  host: ExecutorHost,
  registry: OpRegistry,
  clock: Clock,
  report: (report: ExecutorReport) => void,
  signal: AbortSignal,
): Promise<SelectedExecutor> {
  const candidates: SelectedExecutor[] = []
  let failure: ForgeError | undefined
  if (choice !== 'cpu') {
    if (host.gpu === undefined) {
      report({ kind: 'webgpu', label: 'none', ok: false, reason: host.noGpuReason, golden: [] })
    } else {
      const { gpu } = host
      const tried = await tryExecutor(
        'webgpu',
        () => WebGpuExecutor.open(gpu),
        registry,
        clock,
        report,
        signal,
      )
      if ('error' in tried) failure = tried.error
      else candidates.push(tried)
    }
  }
  if (choice !== 'webgpu') {
    const tried = await tryExecutor('wasm', () => host.makeCpu(), registry, clock, report, signal)
    if ('error' in tried) failure = tried.error
    else candidates.push(tried)
  }
  candidates.sort((a, b) => b.speed - a.speed)
  const [best, ...others] = candidates
  await Promise.all(others.map(({ executor }) => executor.close()))
  throwIfAborted(signal)
  if (best !== undefined) return best
  throw failure ?? new ForgeError('EXECUTOR_FAILED', host.noGpuReason, { hint: 'Choose the CPU executor.' })
}

async function tryExecutor(
  kind: ExecutorKind,
  open: () => Promise<Executor>,
  registry: OpRegistry,
  clock: Clock,
  report: (report: ExecutorReport) => void,
  signal: AbortSignal,
): Promise<SelectedExecutor | { readonly error: ForgeError }> {
  const golden: GoldenCheck[] = []
  let executor: Executor | undefined
  let conformance: ConformanceReport | undefined
  try {
    const inner = await open()
    executor = inner
    if (inner instanceof WebGpuExecutor) {
      conformance = await probeConformance(inner, signal)
      assertConformance(conformance)
    }
    const verified = new VerifiedExecutor(inner, registry, clock, (check) => golden.push(check))
    await verified.verifyAll(signal)
    const speed = await measureSpeed(verified, registry, clock, signal)
    report({
      kind,
      label: inner.label,
      ok: true,
      golden: [...golden],
      speed,
      ...(conformance === undefined ? {} : { conformance }),
    })
    return { executor: verified, speed }
  } catch (thrown) {
    const error = asForgeError(thrown)
    await executor?.close().catch(() => undefined)
    report({
      kind,
      label: executor?.label ?? 'none',
      ok: false,
      reason: error.message,
      golden,
      ...(conformance === undefined ? {} : { conformance }),
    })
    return { error }
  }
}

/** @returns work units per second; the first shard, which warms caches and finds the dispatch size, does not count */
export async function measureSpeed(
  executor: Executor,
  registry: OpRegistry,
  clock: Clock,
  signal: AbortSignal,
): Promise<number> {
  const job = speedJob(registry)
  const units = job.plan.work_units / job.plan.shard_count
  const runner = await executor.prepare(job, new Map())
  try {
    let first = 0
    for (let count = 1; ; count = Math.min(4 * count, TIMING_SHARDS_MAX)) {
      const startedAt = clock.now()
      for await (const _ of runner.run(first, count, signal)) throwIfAborted(signal)
      const elapsed_ms = Math.max(clock.now() - startedAt, 0.01)
      const warm = first > 0
      first += count
      if (warm && (elapsed_ms >= TIMING_MS || count === TIMING_SHARDS_MAX))
        return (1000 * count * units) / elapsed_ms
      // Slow enough that the first shard's start does not matter.
      if (elapsed_ms >= 4 * TIMING_MS) return (1000 * count * units) / elapsed_ms
    }
  } finally {
    runner.close()
  }
}
