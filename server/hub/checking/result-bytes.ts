import { bytesEqual } from '../../../kernel/digest.ts'
import type { Leaves } from '../../../kernel/leaves.ts'
import { merkleRootOfDigests } from '../../../kernel/merkle.ts'
import { misdigestedShard } from '../result-shape.ts'
import { fitsKey } from './ed25519.ts'
import { leafDigests } from './hashing.ts'

/** What of a result is checked by arithmetic on its bytes alone: most of what a result costs a hub. */
export interface ResultBytes {
  /** 32 bytes a shard. */
  readonly digests: Uint8Array
  /** Of every shard, or none where they are blobs. */
  readonly leaves: Leaves
  /** 32 bytes. */
  readonly result_root: Uint8Array
  /** What the agent has signed. */
  readonly receipt: Uint8Array
  /** 64 bytes. */
  readonly signature: Uint8Array
  /** 32 bytes of a key that no small order weakens (`isStrictKey`). */
  readonly public_key: Uint8Array
}

/** What is wrong with it. Places count from the first of its shards. */
export type BytesFault =
  | { readonly t: 'root' }
  | { readonly t: 'leaf'; readonly place: number }
  | { readonly t: 'signature' }

/** @returns the first thing that is wrong; undefined when nothing is */
export function faultOfBytes(result: ResultBytes): BytesFault | undefined {
  const { digests, leaves, result_root, receipt, signature, public_key } = result
  if (!bytesEqual(merkleRootOfDigests(digests), result_root)) return { t: 'root' }
  const place = leaves.length === 0 ? undefined : misdigestedShard(0, digests, leafDigests(leaves))
  if (place !== undefined) return { t: 'leaf', place }
  return fitsKey(public_key, receipt, signature) ? undefined : { t: 'signature' }
}
