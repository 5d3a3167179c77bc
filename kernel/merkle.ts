import { sha256, sha256Each } from './digest.ts'
import { invariant } from './errors.ts'
import { hashing } from './hashing/fastest.ts'

/**
 * Merkle tree hash of RFC 6962, section 2.1: a leaf is SHA-256(0x00 || data), a node SHA-256(0x01 || left || right),
 * and a list of n > 1 leaves splits at the largest power of two below n. Here the data of a leaf is a shard's
 * 32-byte result digest.
 */

const LEAF_PREFIX = 0x00
const NODE_PREFIX = 0x01

/** @param data any bytes. @returns 32 bytes. */
export function merkleLeafHash(data: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(1 + data.length)
  buffer[0] = LEAF_PREFIX
  buffer.set(data, 1)
  return sha256(buffer)
}

/** @param left 32 bytes. @param right 32 bytes. @returns 32 bytes. */
export function merkleNodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  const buffer = new Uint8Array(1 + left.length + right.length)
  buffer[0] = NODE_PREFIX
  buffer.set(left, 1)
  buffer.set(right, 1 + left.length)
  return sha256(buffer)
}

/**
 * Collects leaves in order and gives the root, holding one hash per level: the complete subtrees of the leaves so
 * far, like the digits of a binary counter.
 */
export class MerkleRoot {
  readonly #subtrees: (Uint8Array | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** @param data the leaf's data, hashed here with the leaf prefix. */
  append(data: Uint8Array): void {
    let hash = merkleLeafHash(data)
    let level = 0
    for (; ; level++) {
      const left = this.#subtrees[level]
      if (left === undefined) break
      hash = merkleNodeHash(left, hash)
      this.#subtrees[level] = undefined
    }
    this.#subtrees[level] = hash
    this.#size++
  }

  /** @returns 32 bytes; for no leaves the hash of the empty string. */
  root(): Uint8Array {
    let hash: Uint8Array | undefined
    for (const subtree of this.#subtrees) {
      if (subtree === undefined) continue
      hash = hash === undefined ? subtree : merkleNodeHash(subtree, hash)
    }
    return hash ?? sha256(new Uint8Array(0))
  }
}

/** Root over digests packed one after the other, 32 bytes each. @throws ForgeError INTERNAL for a part of a digest */
export function merkleRootOfDigests(packed: Uint8Array): Uint8Array {
  invariant(packed.length % 32 === 0, `${packed.length} bytes are no row of digests`)
  return packed.length === 0 ? sha256(packed) : hashing().root(packed, false)
}

/** Root over leaves of any lengths, in order. @returns 32 bytes; for no leaves the hash of the empty string */
export function merkleRootOfLeaves(data: readonly Uint8Array[]): Uint8Array {
  if (data.length === 0) return sha256(new Uint8Array(0))
  const leaves = data.map((bytes) => {
    const leaf = new Uint8Array(1 + bytes.length)
    leaf[0] = LEAF_PREFIX
    leaf.set(bytes, 1)
    return leaf
  })
  return hashing().root(sha256Each(leaves), true)
}

/**
 * Root over hashes of complete subtrees of one size, packed one after the other; the last one may be that of a smaller one.
 * @throws ForgeError INTERNAL for a part of a hash, or for none
 */
export function merkleRootOfHashes(packed: Uint8Array): Uint8Array {
  invariant(packed.length > 0 && packed.length % 32 === 0, `${packed.length} bytes are no row of hashes`)
  return hashing().root(packed, true)
}
