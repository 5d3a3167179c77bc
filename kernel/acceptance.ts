import type { ExecutorKind } from './receipt.ts'

/** How an accepted shard was verified: one copy under `none`, agreement of owners, or the hub's own execution. */
export type AcceptMethod = 'single' | 'quorum' | 'referee'

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
