import { sha256 } from '@noble/hashes/sha2.js'
import type { Hashing } from './hashing.ts'

/** In JavaScript alone, for engines without SIMD128 and pages that may not compile WASM. */
export const portableHashing: Hashing = {
  digest: (message) => sha256(message),

  each(messages) {
    const digests = new Uint8Array(32 * messages.length)
    let at = 0
    for (const message of messages) digests.set(sha256(message), 32 * at++)
    return digests
  },

  many(packed, length) {
    const digests = new Uint8Array((32 * packed.length) / length)
    for (let at = 0; at * length < packed.length; at++)
      digests.set(sha256(packed.subarray(at * length, (at + 1) * length)), 32 * at)
    return digests
  },

  root(packed, hashed) {
    const row = packed.slice()
    let count = row.length / 32
    if (!hashed) {
      const leaf = new Uint8Array(33)
      for (let at = 0; at < count; at++) {
        leaf.set(row.subarray(32 * at, 32 * at + 32), 1)
        row.set(sha256(leaf), 32 * at)
      }
    }
    const node = new Uint8Array(65)
    node[0] = 1
    while (count > 1) {
      const pairs = count >> 1
      for (let at = 0; at < pairs; at++) {
        node.set(row.subarray(64 * at, 64 * at + 64), 1)
        row.set(sha256(node), 32 * at)
      }
      // A node without a sibling goes up as it is, which gives the tree of RFC 6962.
      if (count % 2 === 1) row.copyWithin(32 * pairs, 32 * (count - 1), 32 * count)
      count = pairs + (count % 2)
    }
    return row.slice(0, 32)
  },
}
