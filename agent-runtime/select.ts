import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry } from '../kernel/job.ts'
import type { ExecutorKind } from '../kernel/receipt.ts'
import { benchmarkFamilies, type FamilySpeed, overallSpeed, speedRatio } from './benchmark.ts'
import { type Clock, throwIfAborted } from './clock.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
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
  /** On the timing job of each op family that was timed. */
  readonly families?: readonly FamilySpeed[]
  /** Work units per second, over those families. */
  readonly speed?: number
}

/** How this host makes executors. */
export interface ExecutorHost {
  /** Undefined where there is no WebGPU. */
  readonly gpu: GPU | undefined
  /** Words for the owner when `gpu` is undefined. */
  readonly noGpuReason: string
  /** @param threads how many threads may compute; it may change at any time */
  makeCpu(threads: () => number): Promise<Executor>
}

export interface SelectedExecutor {
  readonly executor: Executor
  /** Work units per second, over the families that were timed. */
  readonly speed: number
  /** Why it is this one, in words for the owner. */
  readonly why: string
}

/** What is asked of `selectExecutor`. */
export interface Selection {
  readonly choice: ExecutorChoice
  /** Threads that the owner allows the CPU executor. */
  threads(): number
  /** Speeds found before, by executor: what was timed once in this visit is not timed again. */
  readonly known: Map<string, readonly FamilySpeed[]>
}

interface Candidate {
  readonly executor: Executor
  readonly families: readonly FamilySpeed[]
}

/**
 * Opens, probes and times the executors asked for. `auto` takes the faster of those that compute correctly: a software
 * WebGPU is slower than the CPU it runs on. An agent enrols with one executor, so the choice is for all families (ADR 18).
 * @param report called once for each executor that was tried
 * @throws ForgeError EXECUTOR_FAILED with the reason of the last one when none is usable
 */
export async function selectExecutor(
  selection: Selection,
  host: ExecutorHost,
  registry: OpRegistry,
  clock: Clock,
  report: (report: ExecutorReport) => void,
  signal: AbortSignal,
): Promise<SelectedExecutor> {
  const { choice } = selection
  const candidates: Candidate[] = []
  let failure: ForgeError | undefined
  const attempt = async (kind: ExecutorKind, open: () => Promise<Executor>) => {
    const tried = await tryExecutor(kind, open, selection.known, registry, clock, report, signal)
    if ('error' in tried) failure = tried.error
    else candidates.push(tried)
  }
  if (choice !== 'cpu') {
    const { gpu } = host
    if (gpu === undefined)
      report({ kind: 'webgpu', label: 'none', ok: false, reason: host.noGpuReason, golden: [] })
    else await attempt('webgpu', () => WebGpuExecutor.open(gpu))
  }
  if (choice !== 'webgpu') await attempt('wasm', () => host.makeCpu(() => selection.threads()))
  candidates.sort((a, b) => speedRatio(b.families, a.families) - 1)
  const [best, ...others] = candidates
  await Promise.all(others.map(({ executor }) => executor.close()))
  throwIfAborted(signal)
  if (best === undefined)
    throw failure ?? new ForgeError('EXECUTOR_FAILED', host.noGpuReason, { hint: 'Choose the CPU executor.' })
  const { executor, families } = best
  return { executor, speed: overallSpeed(families), why: reasonFor(best, others[0], choice) }
}

function reasonFor({ families }: Candidate, other: Candidate | undefined, choice: ExecutorChoice): string {
  if (choice !== 'auto') return 'it was asked for'
  if (other === undefined) return 'no other executor can be used here'
  const compared = families.filter(({ family }) => other.families.some((speed) => speed.family === family))
  const ratio = speedRatio(families, other.families)
  const times = ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0)
  const rival = `${other.executor.kind === 'webgpu' ? 'the GPU' : 'the CPU'} (${other.executor.label})`
  return `${times} times as fast as ${rival} on ${compared.map(({ family }) => family).join(', ')}`
}

async function tryExecutor(
  kind: ExecutorKind,
  open: () => Promise<Executor>,
  known: Selection['known'],
  registry: OpRegistry,
  clock: Clock,
  report: (report: ExecutorReport) => void,
  signal: AbortSignal,
): Promise<Candidate | { readonly error: ForgeError }> {
  const golden: GoldenCheck[] = []
  let executor: Executor | undefined
  let conformance: ConformanceReport | undefined
  const found = () => ({
    kind,
    label: executor?.label ?? 'none',
    golden: [...golden],
    ...(conformance === undefined ? {} : { conformance }),
  })
  try {
    const inner = await open()
    executor = inner
    if (inner instanceof WebGpuExecutor) {
      conformance = await probeConformance(inner, signal)
      assertConformance(conformance)
    }
    // An op's golden shards are run before anything else of it: here those of the timed ops, the others' with the first
    // lease of each, so that an agent loads the kernels that it needs.
    const verified = new VerifiedExecutor(inner, registry, clock, (check) => golden.push(check))
    const key = `${kind} ${inner.label}`
    const earlier = known.get(key)
    for (const { op } of earlier ?? []) await verified.verify(op, signal)
    const families = earlier ?? (await benchmarkFamilies(verified, registry, clock, signal))
    known.set(key, families)
    report({ ...found(), ok: true, families, speed: overallSpeed(families) })
    return { executor: verified, families }
  } catch (thrown) {
    const error = asForgeError(thrown)
    await executor?.close().catch(() => undefined)
    report({ ...found(), ok: false, reason: error.message })
    return { error }
  }
}
