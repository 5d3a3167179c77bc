import type { Leaves } from './leaves.ts'
import type { ExecutorKind } from './receipt.ts'

/**
 * How an accepted shard was verified: on one word, by agreement of owners, by the hub's own execution or algebraic check. The
 * only list of methods; their order means nothing.
 */
export const ACCEPT_METHODS = ['single', 'quorum', 'referee', 'algebraic'] as const
export type AcceptMethod = (typeof ACCEPT_METHODS)[number]

/** The same under each method: a zero to count from, or a schema of each count. */
export function byMethod<T>(value: T): Record<AcceptMethod, T> {
  return { single: value, quorum: value, referee: value, algebraic: value }
}

/** One execution of a shard whose digest is the accepted one. */
export interface AcceptedCopy {
  /** SHA-256 of the agent's key in hexadecimal; `referee` for the hub's own execution. */
  readonly agent: string
  readonly owner: string
  readonly executor: ExecutorKind
}

/** A shard that will not change any more, and on whose word. */
export interface AcceptedShard {
  readonly shard: number
  readonly method: AcceptMethod
  /** SHA-256 of the leaf, 32 bytes. */
  readonly digest: Uint8Array
  /** The leaf when it is inline; empty when it is a blob named by `digest`. */
  readonly leaf: Uint8Array
  readonly copies: readonly AcceptedCopy[]
}

/** Neighbouring shards that were accepted alike. */
export interface AcceptedRun {
  readonly first: number
  readonly count: number
  readonly method: AcceptMethod
  /** SHA-256 of each leaf, 32 bytes a shard. */
  readonly digests: Uint8Array
  /** A leaf a shard when leaves are inline; empty when they are blobs named by `digests`. */
  readonly leaves: Leaves
  readonly copies: readonly AcceptedCopy[]
}

/** One shard of a run, counted from its first. */
export function acceptedShard(run: AcceptedRun, offset: number): AcceptedShard {
  return {
    shard: run.first + offset,
    method: run.method,
    digest: run.digests.subarray(32 * offset, 32 * offset + 32),
    leaf: run.leaves.at(offset) ?? new Uint8Array(0),
    copies: run.copies,
  }
}
