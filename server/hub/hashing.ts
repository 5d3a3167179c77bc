import { hash } from 'node:crypto'

/** SHA-256 as the hub needs it for every result: by Node's one-shot hash, the fastest there is here for short inputs. */

/** @returns 32 bytes */
export function fastSha256(bytes: Uint8Array): Uint8Array {
  return hash('sha256', bytes, 'buffer')
}

/**
 * The root of kernel/merkle.ts over digests packed one after the other. An odd node at the end of a level goes up as it
 * is, which gives the tree of RFC 6962.
 * @param packed 32 bytes a digest, at least one digest
 */
export function fastMerkleRoot(packed: Uint8Array): Uint8Array {
  let count = packed.length / 32
  const nodes = new Uint8Array(packed.length)
  const leaf = new Uint8Array(33)
  for (let at = 0; at < count; at++) {
    leaf.set(packed.subarray(32 * at, 32 * at + 32), 1)
    nodes.set(fastSha256(leaf), 32 * at)
  }
  const pair = new Uint8Array(65)
  pair[0] = 1
  while (count > 1) {
    const pairs = count >> 1
    for (let at = 0; at < pairs; at++) {
      pair.set(nodes.subarray(64 * at, 64 * at + 64), 1)
      nodes.set(fastSha256(pair), 32 * at)
    }
    if (count % 2 === 1) nodes.copyWithin(32 * pairs, 32 * (count - 1), 32 * count)
    count = pairs + (count % 2)
  }
  return nodes.slice(0, 32)
}
