import type { HexDigest } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { BlobAccessStore, BlobStat, BlobStore } from '../memory/ports/blobs.ts'
import { type Actor, ownerOf } from './actor.ts'
import { authorise, MISSING, type Resource } from './authorise.ts'
import { CORE_LIMITS } from './limits.ts'

export interface ByteRange {
  /** First byte. */
  readonly start: number
  /** Last byte, inclusive. */
  readonly end: number
}

/**
 * Content-addressed bytes for submitters (operands) and agents (operands in, tiles out). Readable by whoever uploaded
 * them, by the owner of a job that reads or has made them, by everybody when such a job is public, and by agents in a
 * session. To all others a blob is not there, and knowing its digest is not enough.
 */
export interface BlobService {
  /**
   * Stores a stream under the digest the caller expects.
   * @param announced_bytes the length that the caller states; undefined counts as the largest
   * @throws ForgeError UNAUTHENTICATED | FORBIDDEN | TOO_LARGE (the blob, or the owner's uploads) | DIGEST_MISMATCH
   */
  put(
    actor: Actor,
    expected: HexDigest,
    source: AsyncIterable<Uint8Array>,
    announced_bytes: number | undefined,
  ): Promise<BlobStat>
  /** @throws ForgeError NOT_FOUND, also for a blob that the actor may not read */
  open(actor: Actor, digest: HexDigest): Promise<OpenBlob>
}

export interface OpenBlob extends BlobStat {
  read(range?: ByteRange): AsyncIterable<Uint8Array>
}

export function createBlobService(store: BlobStore, access: BlobAccessStore): BlobService {
  /** Bytes of uploads on their way, by owner: uploads side by side must not pass the quota together. */
  const underway = new Map<string, number>()

  const open = async (actor: Actor, digest: HexDigest): Promise<OpenBlob> => {
    authorise(actor, 'blobs.read')
    const stat = await store.stat(digest)
    authorise(actor, 'blobs.read', stat === undefined ? MISSING : await resourceOf(actor, digest))
    invariant(stat !== undefined, 'a missing blob is refused')
    return { ...stat, read: (range) => store.read(digest, range) }
  }

  const resourceOf = async (actor: Actor, digest: HexDigest): Promise<Resource> => {
    // An agent executes whatever contract it is handed, and needs the operands.
    if (actor.kind === 'agent') return { ownerId: undefined, isPublic: true }
    const owner = ownerOf(actor)
    const { isOwn, isPublic } = await access.grantsOf(digest, owner)
    return { ownerId: isOwn ? owner : undefined, isPublic }
  }

  const putOwn = async (
    ownerId: string,
    expected: HexDigest,
    source: AsyncIterable<Uint8Array>,
    maxBytes: number,
  ): Promise<BlobStat> => {
    const before = underway.get(ownerId) ?? 0
    underway.set(ownerId, before + maxBytes)
    try {
      const uploaded_bytes = await access.uploadedBytes(ownerId)
      if (uploaded_bytes + before + maxBytes > CORE_LIMITS.upload_bytes_per_owner) {
        throw new ForgeError(
          'TOO_LARGE',
          `an account's uploads have at most ${CORE_LIMITS.upload_bytes_per_owner} bytes; yours have ${uploaded_bytes}`,
          { hint: 'Use blobs that you have uploaded before: equal bytes are stored once.' },
        )
      }
      const stat = await store.put(source, { expected, maxBytes })
      // After the bytes, never before: whoever names a digest must have shown that he has what it is the digest of.
      await access.uploaded(ownerId, stat.digest, stat.bytes)
      return stat
    } finally {
      const left = (underway.get(ownerId) ?? maxBytes) - maxBytes
      if (left === 0) underway.delete(ownerId)
      else underway.set(ownerId, left)
    }
  }

  return {
    async put(actor, expected, source, announced_bytes) {
      authorise(actor, 'blobs.write')
      const maxBytes = Math.min(announced_bytes ?? LIMITS.blob_bytes, LIMITS.blob_bytes)
      const owner = ownerOf(actor)
      if (owner === undefined) return store.put(source, { expected, maxBytes: LIMITS.blob_bytes })
      return putOwn(owner, expected, source, maxBytes)
    },

    open,
  }
}
