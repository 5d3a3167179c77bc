import type { PreparedJob } from '../kernel/job.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import type { ExecutorKind } from '../kernel/receipt.ts'

/** One shard's result. */
export interface ShardLeaf {
  readonly shard: number
  /** The leaf's bytes; its SHA-256 is the digest that is compared. */
  readonly leaf: Uint8Array
}

/** One job on one executor: compiled and with its operands in place. */
export interface ShardRunner {
  /**
   * Executes shards `first` to `first + count - 1` and yields their leaves in that order. When `signal` aborts, no
   * further dispatch starts and the iterable throws; what was not yielded is lost.
   * @param rests whether the caller rests between leaves at present; then nothing is computed before it asks for the next
   * @throws ForgeError CANCELLED after an abort; EXECUTOR_FAILED when the executor cannot go on
   */
  run(first: number, count: number, signal: AbortSignal, rests?: () => boolean): AsyncIterable<ShardLeaf>
  /** Frees what the job holds on the executor. */
  close(): void
}

/** Where shards are executed. Every executor gives the same bytes; they differ in speed only. */
export interface Executor {
  readonly kind: ExecutorKind
  /** For the owner's eyes: the adapter or the engine. At most 120 characters. */
  readonly label: string
  /** Shards that it executes side by side, at least 1. */
  readonly width: number
  /** Bytes of the largest operand, or output of one shard, that it holds; absent: any that a plan can have. */
  readonly memory_bytes?: number | undefined
  /** Counts up when what was verified of it is gone: a device that was lost and opened again. */
  readonly generation?: number
  /** @throws ForgeError EXECUTOR_FAILED with the reason in its message */
  prepare(job: PreparedJob, inputs: InputBytes): Promise<ShardRunner>
  close(): Promise<void>
}
