import { canonicalJson, parseJsonStrict } from '../kernel/canonical.ts'
import { type HexDigest, sha256Hex } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../kernel/job.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import type { ExecutorKind } from '../kernel/receipt.ts'
import { type Clock, throwIfAborted } from './clock.ts'
import type { Executor } from './executor.ts'
import { asForgeError } from './failure.ts'
import type { ExecutorHost } from './select.ts'
import { VerifiedExecutor } from './verified-executor.ts'
import { WebGpuExecutor } from './webgpu/executor.ts'

/** Shards of somebody's settled job, and the digests that the network accepted for them. */
export interface ReexecutionRequest {
  readonly canonical: string
  readonly contract_hash: HexDigest
  readonly plan_digest: HexDigest
  readonly result_digest: HexDigest
  /** Shards that the result is said to cover, from the first; only a job with a target may have fewer than its plan. */
  readonly result_shards: number
  readonly shards: readonly { readonly shard: number; readonly digest: HexDigest }[]
}

export interface ReexecutedShard {
  readonly shard: number
  /** Of the leaf that was computed here. */
  readonly digest: HexDigest
  readonly equal: boolean
  readonly ms: number
}

export type ReexecutionEvent =
  | { readonly t: 'operands'; readonly count: number }
  | { readonly t: 'executor'; readonly kind: ExecutorKind; readonly label: string; readonly note?: string }
  | ({ readonly t: 'shard' } & ReexecutedShard)

export interface Reexecution {
  readonly shards: readonly ReexecutedShard[]
  /**
   * When every shard that the result covers was executed: the result folded from the leaves of this device. Its looks say
   * where a job with a target stops; without a digest, it does not stop there.
   */
  readonly whole: { readonly digest: HexDigest | undefined; readonly equal: boolean } | undefined
}

export interface ReexecutionPorts {
  readonly host: ExecutorHost
  readonly registry: OpRegistry
  readonly clock: Clock
  /** @throws ForgeError when the bytes cannot be had, or are not those of the digest */
  operand(digest: HexDigest, signal: AbortSignal): Promise<Uint8Array>
}

/**
 * Executes shards again and compares. Contract hash and plan digest are computed here from the contract's text; a site
 * that shows another contract than it hashed is found out before anything runs.
 * @throws ForgeError DIGEST_MISMATCH when the contract is not the one named; UNKNOWN_OP; EXECUTOR_FAILED; CANCELLED; as
 * `operand` does
 */
export async function reexecute(
  ports: ReexecutionPorts,
  request: ReexecutionRequest,
  heard: (event: ReexecutionEvent) => void,
  signal: AbortSignal,
): Promise<Reexecution> {
  const job = ports.registry.prepare(parseJsonStrict(request.canonical))
  if (
    job.canonical !== request.canonical ||
    job.contractHash !== request.contract_hash ||
    job.planDigest !== request.plan_digest
  ) {
    throw new ForgeError('DIGEST_MISMATCH', 'this contract does not give the contract hash and plan shown', {
      hint: 'Reload the page: the site may have been updated. If it stays, do not trust this result.',
    })
  }
  const inputs = await fetchOperands(ports, job, heard, signal)
  const executor = await openExecutor(ports, job, heard, signal)
  try {
    return await compare(executor, ports.clock, job, inputs, request, heard, signal)
  } finally {
    await executor.close()
  }
}

async function fetchOperands(
  ports: ReexecutionPorts,
  job: PreparedJob,
  heard: (event: ReexecutionEvent) => void,
  signal: AbortSignal,
): Promise<InputBytes> {
  const refs = Object.entries(job.contract.inputs)
  if (refs.length > 0) heard({ t: 'operands', count: refs.length })
  const byDigest = new Map<HexDigest, Uint8Array>()
  const inputs = new Map<string, Uint8Array>()
  for (const [name, { digest }] of refs) {
    const bytes = byDigest.get(digest) ?? (await ports.operand(digest, signal))
    byDigest.set(digest, bytes)
    inputs.set(name, bytes)
  }
  return inputs
}

/** The graphics device where it computes this op exactly, else the CPU; a device that does not says so in the note. */
async function openExecutor(
  { host, registry, clock }: ReexecutionPorts,
  job: PreparedJob,
  heard: (event: ReexecutionEvent) => void,
  signal: AbortSignal,
): Promise<Executor> {
  let note = host.noGpuReason
  if (host.gpu !== undefined) {
    let device: WebGpuExecutor | undefined
    try {
      device = await WebGpuExecutor.open(host.gpu)
      const verified = new VerifiedExecutor(device, registry, clock)
      await verified.verify(job.op)
      heard({ t: 'executor', kind: device.kind, label: device.label })
      return verified
    } catch (thrown) {
      await device?.close().catch(() => undefined)
      throwIfAborted(signal)
      note = asForgeError(thrown).message
    }
  }
  const cpu = await host.makeCpu(() => 1)
  heard({ t: 'executor', kind: cpu.kind, label: cpu.label, note })
  return cpu
}

async function compare(
  executor: Executor,
  clock: Clock,
  job: PreparedJob,
  inputs: InputBytes,
  { shards, result_digest, result_shards }: ReexecutionRequest,
  heard: (event: ReexecutionEvent) => void,
  signal: AbortSignal,
): Promise<Reexecution> {
  const runner = await executor.prepare(job, inputs)
  const done: ReexecutedShard[] = []
  const covered = job.target === undefined ? job.plan.shard_count : result_shards
  const aggregate = shards.length === covered ? job.newAggregate() : undefined
  try {
    for (const { shard, digest: accepted } of shards) {
      const startedAt = clock.now()
      for await (const { leaf } of runner.run(shard, 1, signal)) {
        const digest = sha256Hex(leaf)
        const result = { shard, digest, equal: digest === accepted, ms: clock.now() - startedAt }
        done.push(result)
        aggregate?.add(shard, leaf)
        heard({ t: 'shard', ...result })
      }
    }
  } finally {
    runner.close()
  }
  if (aggregate === undefined) return { shards: done, whole: undefined }
  const digest =
    aggregate.covered === covered ? sha256Hex(canonicalJson(aggregate.finish().result)) : undefined
  return { shards: done, whole: { digest, equal: digest === result_digest } }
}
