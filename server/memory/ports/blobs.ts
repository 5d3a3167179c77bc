import type { HexDigest } from '../../../kernel/digest.ts'

export interface BlobStat {
  readonly digest: HexDigest
  readonly bytes: number
}

/** Who may read which blob. */
export interface BlobAccessStore {
  /** Idempotent. */
  uploaded(ownerId: string, digest: HexDigest, bytes: number): Promise<void>
  /** Bytes of the distinct blobs that an owner has uploaded. */
  uploadedBytes(ownerId: string): Promise<number>
  /** Whether the owner has uploaded it or has a job that it belongs to, and whether a public job has it. */
  grantsOf(
    digest: HexDigest,
    ownerId: string | undefined,
  ): Promise<{ readonly isOwn: boolean; readonly isPublic: boolean }>
}

/** Content-addressed bytes, up to LIMITS.blob_bytes each unless the writer says more. Writing the same bytes twice is harmless. */
export interface BlobStore {
  /**
   * Stores a stream and returns its digest; the blob appears whole or not at all, and is durable on return.
   * @throws ForgeError TOO_LARGE, or DIGEST_MISMATCH when `expected` is given and differs
   */
  put(
    source: AsyncIterable<Uint8Array>,
    options?: { readonly expected?: HexDigest; readonly maxBytes?: number },
  ): Promise<BlobStat>
  stat(digest: HexDigest): Promise<BlobStat | undefined>
  /** Optional byte range, both ends inclusive. @throws ForgeError NOT_FOUND */
  read(digest: HexDigest, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>
  remove(digest: HexDigest): Promise<void>
}
