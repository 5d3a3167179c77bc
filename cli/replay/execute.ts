import type { Clock } from '../../agent-runtime/clock.ts'
import type { Executor, ShardRunner } from '../../agent-runtime/executor.ts'
import { canonicalJson } from '../../kernel/canonical.ts'
import { bytesToHex, type HexDigest, hexToBytes, sha256Hex } from '../../kernel/digest.ts'
import type { JobRecord } from '../../kernel/evidence/record.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'

export interface ReplayRequest {
  readonly job: PreparedJob
  readonly record: JobRecord
  readonly inputs: InputBytes
  /** Ascending. */
  readonly shards: readonly number[]
  /** Accepted digests, 32 bytes a shard; undefined when the file has none. */
  readonly digests: Uint8Array | undefined
}

export interface ReplayOutcome {
  readonly replayed: number
  /** Shards whose digest here is not the accepted one, ascending. */
  readonly different: readonly number[]
  /** When every shard of the result was executed. */
  readonly whole:
    | {
        readonly root: HexDigest
        /** Undefined where, by the looks of the job, the result does not end with these shards. */
        readonly result: HexDigest | undefined
        readonly equal: boolean
      }
    | undefined
  readonly ms: number
}

/**
 * Executes shards on all executors at once and compares. With every shard of the result it also folds them, follows the
 * looks of a job with a target, and compares Merkle root and result.
 * @param done called after each shard with how many are done and how long that one took, in ms
 * @throws ForgeError CANCELLED, EXECUTOR_FAILED
 */
export async function replayShards(
  { job, record, inputs, shards, digests }: ReplayRequest,
  executors: readonly Executor[],
  clock: Clock,
  done: (replayed: number, ms: number) => void,
  signal: AbortSignal,
): Promise<ReplayOutcome> {
  const startedAt = clock.now()
  const isWhole = shards.length === record.shards.accepted
  const aggregate = isWhole ? job.newAggregate() : undefined
  const own = isWhole ? new Uint8Array(32 * shards.length) : undefined
  const different: number[] = []
  let next = 0
  let replayed = 0
  const work = async (runner: ShardRunner, stop: AbortSignal): Promise<void> => {
    for (let at = next++; at < shards.length; at = next++) {
      const shard = shards[at] as number
      const begun = clock.now()
      for await (const { leaf } of runner.run(shard, 1, stop)) {
        const digest = sha256Hex(leaf)
        if (digests !== undefined && digest !== bytesToHex(digests.subarray(32 * shard, 32 * shard + 32)))
          different.push(shard)
        own?.set(hexToBytes(digest), 32 * shard)
        aggregate?.add(shard, leaf)
        done(++replayed, clock.now() - begun)
      }
    }
  }
  // One that fails stops the others.
  const failed = new AbortController()
  const stop = AbortSignal.any([signal, failed.signal])
  const runners: ShardRunner[] = []
  try {
    for (const executor of executors) runners.push(await executor.prepare(job, inputs))
    const ends = await Promise.allSettled(
      runners.map((runner) =>
        work(runner, stop).catch((error: unknown) => {
          failed.abort()
          throw error
        }),
      ),
    )
    const reasons = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
    if (reasons.length > 0) throw reasons.find((reason) => !isCancelled(reason)) ?? reasons[0]
  } finally {
    for (const runner of runners) runner.close()
  }
  different.sort((a, b) => a - b)
  const ms = clock.now() - startedAt
  if (aggregate === undefined || own === undefined) return { replayed, different, whole: undefined, ms }
  const root = bytesToHex(merkleRootOfDigests(own))
  const result =
    aggregate.covered === record.shards.accepted
      ? sha256Hex(canonicalJson(aggregate.finish().result))
      : undefined
  const equal = root === record.shards.root && result === record.result.digest
  return { replayed, different, whole: { root, result, equal }, ms }
}

function isCancelled(reason: unknown): boolean {
  return typeof reason === 'object' && reason !== null && 'code' in reason && reason.code === 'CANCELLED'
}
