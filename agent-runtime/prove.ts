import type { ContractInput } from '../kernel/contract.ts'
import { sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../kernel/job.ts'
import type { Clock } from './clock.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
import { FLOAT_PATHS, floatPayoffs, floatProgram } from './float-demo.ts'
import type { ExecutorHost } from './select.ts'
import { WebGpuExecutor } from './webgpu/executor.ts'

/** One computation of the demonstration. */
export type ProofRun =
  | { readonly ok: true; readonly label: string; readonly digest: string; readonly ms: number }
  | { readonly ok: false; readonly label: string; readonly reason: string }

export interface ProofPair {
  readonly webgpu: ProofRun
  readonly cpu: ProofRun
  /** Undefined where one of the two could not run. */
  readonly equal: boolean | undefined
}

/** What "Prove it here" shows. */
export interface Proof {
  readonly op: string
  readonly contract_hash: string
  readonly replay_key: string
  readonly paths: number
  /** One shard of the contract, exact on both. */
  readonly exact: ProofPair
  /** The same model in plain f32: expected to differ, and not reproducible. */
  readonly float: ProofPair
  readonly float_paths: number
}

const CONTRACT: Pick<ContractInput, 'op' | 'args' | 'seed' | 'verify'> = {
  op: { name: 'mc', version: 1, profile: 'gbm.v1' },
  args: {
    spot: 100,
    strike: 100,
    rate: 0.03,
    volatility: 0.2,
    maturity_years: 1,
    steps: 52,
    paths: 65_536,
    style: 'european',
    right: 'call',
  },
  seed: { mode: 'explicit', value: 'prove it here' },
  verify: { mode: 'none' },
}

/** Runs one shard on the GPU and on the CPU of this device, and beside it a float kernel on both. */
export async function prove(
  host: ExecutorHost,
  registry: OpRegistry,
  clock: Clock,
  signal: AbortSignal,
): Promise<Proof> {
  const job = registry.prepare({ contract: 1, ...CONTRACT })
  const cpu = await attempt('CPU', clock, async () =>
    withExecutor(await host.makeCpu(() => 1), clock, job, signal),
  )
  const cpuFloat = await attempt('CPU', clock, async () => ({ bytes: floatPayoffs() }))
  let gpu: ProofRun
  let gpuFloat: ProofRun
  if (host.gpu === undefined) {
    gpu = { ok: false, label: 'none', reason: host.noGpuReason }
    gpuFloat = gpu
  } else {
    try {
      const executor = await WebGpuExecutor.open(host.gpu)
      const { label } = executor
      try {
        gpu = await attempt(label, clock, () => firstLeaf(executor, clock, job, signal))
        gpuFloat = await attempt(label, clock, async () => ({
          bytes: await executor.runProgram(floatProgram(), new Map(), signal),
        }))
      } finally {
        await executor.close()
      }
    } catch (thrown) {
      gpu = { ok: false, label: 'none', reason: asForgeError(thrown).message }
      gpuFloat = gpu
    }
  }
  return {
    op: job.op,
    contract_hash: job.contractHash,
    replay_key: job.replayKey,
    paths: 65_536,
    exact: pair(gpu, cpu),
    float: pair(gpuFloat, cpuFloat),
    float_paths: FLOAT_PATHS,
  }
}

function pair(webgpu: ProofRun, cpu: ProofRun): ProofPair {
  return { webgpu, cpu, equal: webgpu.ok && cpu.ok ? webgpu.digest === cpu.digest : undefined }
}

interface Bytes {
  readonly bytes: Uint8Array
  /** Where the work measured itself; else the whole call counts. */
  readonly ms?: number
}

async function attempt(label: string, clock: Clock, work: () => Promise<Bytes>): Promise<ProofRun> {
  const startedAt = clock.now()
  try {
    const { bytes, ms } = await work()
    return { ok: true, label, digest: sha256Hex(bytes), ms: ms ?? clock.now() - startedAt }
  } catch (thrown) {
    return { ok: false, label, reason: asForgeError(thrown).message }
  }
}

async function withExecutor(
  executor: Executor,
  clock: Clock,
  job: PreparedJob,
  signal: AbortSignal,
): Promise<Bytes> {
  try {
    return await firstLeaf(executor, clock, job, signal)
  } finally {
    await executor.close()
  }
}

/** The shard's leaf, and the time of its execution without compilation. */
async function firstLeaf(
  executor: Executor,
  clock: Clock,
  job: PreparedJob,
  signal: AbortSignal,
): Promise<Bytes> {
  const runner = await executor.prepare(job, new Map())
  try {
    const startedAt = clock.now()
    for await (const { leaf } of runner.run(0, 1, signal)) return { bytes: leaf, ms: clock.now() - startedAt }
    throw new ForgeError('EXECUTOR_FAILED', 'the executor gave no leaf')
  } finally {
    runner.close()
  }
}
