import type { HexDigest } from '../../kernel/digest.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { BlobStat, BlobStore } from '../memory/ports.ts'
import type { Actor } from './actor.ts'
import { authorise } from './authorise.ts'

export interface ByteRange {
  /** First byte. */
  readonly start: number
  /** Last byte, inclusive. */
  readonly end: number
}

/** Content-addressed bytes for submitters (operands) and agents (operands in, tiles out). */
export interface BlobService {
  /**
   * Stores a stream under the digest the caller expects.
   * @throws ForgeError FORBIDDEN | TOO_LARGE | DIGEST_MISMATCH
   */
  put(actor: Actor, expected: HexDigest, source: AsyncIterable<Uint8Array>): Promise<BlobStat>
  /** @throws ForgeError FORBIDDEN */
  stat(actor: Actor, digest: HexDigest): Promise<BlobStat | undefined>
  /** @throws ForgeError FORBIDDEN | NOT_FOUND */
  read(actor: Actor, digest: HexDigest, range?: ByteRange): AsyncIterable<Uint8Array>
}

export function createBlobService(store: BlobStore): BlobService {
  return {
    async put(actor, expected, source) {
      authorise(actor, 'blobs.write')
      return store.put(source, { expected, maxBytes: LIMITS.blob_bytes })
    },
    async stat(actor, digest) {
      authorise(actor, 'blobs.read')
      return store.stat(digest)
    },
    read(actor, digest, range) {
      authorise(actor, 'blobs.read')
      return store.read(digest, range)
    },
  }
}
