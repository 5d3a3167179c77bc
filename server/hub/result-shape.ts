import { type Leaves, leafSize } from '../../kernel/leaves.ts'

/**
 * What can be said of a result from its lease alone, before anything is executed or verified: how much it is, and whether
 * its leaves are those of its digests. Pure: the simulation of the hub asks the same questions.
 */

export interface ReturnedResult {
  /** 32 bytes a shard. */
  readonly digests: Uint8Array
  readonly leaves: Leaves
}

export interface ExpectedResult {
  readonly first: number
  readonly count: number
  readonly leaf: { readonly kind: 'inline' | 'blob'; readonly max_bytes: number }
}

/** @returns what is wrong with its extent; undefined when nothing is */
export function shapeFault(
  { digests, leaves }: ReturnedResult,
  { first, count, leaf }: ExpectedResult,
): string | undefined {
  if (digests.length !== 32 * count) return `${digests.length / 32} digests for ${count} shards`
  if (leaf.kind === 'blob') return leaves.length === 0 ? undefined : 'the leaves of this op are blobs'
  if (leaves.length !== count) return `${leaves.length} leaves for ${count} shards`
  for (let at = 0; at < count; at++) {
    const bytes = leafSize(leaves, at)
    if (bytes > leaf.max_bytes)
      return `shard ${first + at}: a leaf of ${bytes} bytes; at most ${leaf.max_bytes}`
  }
  return undefined
}

/**
 * @param found digests of the leaves, as many as `digests`
 * @returns the first shard whose leaf is not what its digest says
 */
export function misdigestedShard(first: number, digests: Uint8Array, found: Uint8Array): number | undefined {
  for (let at = 0; at < digests.length; at++) if (digests[at] !== found[at]) return first + (at >> 5)
  return undefined
}
