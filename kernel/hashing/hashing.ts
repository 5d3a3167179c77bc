import type { Leaves } from '../leaves.ts'

/** SHA-256 (FIPS 180-4) of many messages at a time, and the RFC 6962 trees over them. Every form gives the same bytes. */
export interface Hashing {
  /** @returns 32 bytes */
  digest(message: Uint8Array): Uint8Array
  /** @param messages of any lengths. @returns their digests in order, 32 bytes each */
  each(messages: Leaves): Uint8Array
  /**
   * @param packed messages of one length, one after the other
   * @param length bytes of each, at least 1
   * @returns their digests in order, 32 bytes each
   */
  many(packed: Uint8Array, length: number): Uint8Array
  /**
   * Merkle tree hash of RFC 6962, section 2.1.
   * @param packed at least one row of 32 bytes: hashes of complete subtrees of one size, of which only the last may be
   *   smaller; or the data of leaves
   * @param hashed false for the data of leaves, which are hashed first
   * @returns 32 bytes
   */
  root(packed: Uint8Array, hashed: boolean): Uint8Array
}
