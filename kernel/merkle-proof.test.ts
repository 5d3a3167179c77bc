import { describe, expect, it } from 'vitest'
import { sha256, utf8ToBytes } from './digest.ts'
import { MerkleRoot, merkleLeafHash, merkleNodeHash } from './merkle.ts'
import {
  consistencyProof,
  inclusionProof,
  rootOf,
  type SubtreeHash,
  verifyConsistency,
  verifyInclusion,
} from './merkle-proof.ts'

const leaves = Array.from({ length: 40 }, (_, at) => utf8ToBytes(`entry ${at}`))

const known = new Map<string, Uint8Array>()

const subtree: SubtreeHash = (level, index) => {
  const name = `${level} ${index}`
  const hash =
    known.get(name) ??
    (level === 0
      ? merkleLeafHash(leaves[index] as Uint8Array)
      : merkleNodeHash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1)))
  known.set(name, hash)
  return hash
}

/** RFC 6962, section 2.1, word for word. */
function naiveRoot(list: readonly Uint8Array[]): Uint8Array {
  if (list.length === 0) return sha256(new Uint8Array(0))
  if (list.length === 1) return merkleLeafHash(list[0] as Uint8Array)
  let k = 1
  while (k * 2 < list.length) k *= 2
  return merkleNodeHash(naiveRoot(list.slice(0, k)), naiveRoot(list.slice(k)))
}

function appended(count: number): Uint8Array {
  const tree = new MerkleRoot()
  for (const leaf of leaves.slice(0, count)) tree.append(leaf)
  return tree.root()
}

describe('proofs of RFC 6962', () => {
  it('gives the root that the definition and the appending tree give', () => {
    for (let size = 1; size <= leaves.length; size++) {
      expect(rootOf(size, subtree)).toEqual(naiveRoot(leaves.slice(0, size)))
      expect(appended(size)).toEqual(naiveRoot(leaves.slice(0, size)))
    }
  })

  it('includes every leaf of every tree, and no other leaf, place or size', () => {
    for (let size = 1; size <= leaves.length; size++) {
      const root = naiveRoot(leaves.slice(0, size))
      for (let index = 0; index < size; index++) {
        const leaf = merkleLeafHash(leaves[index] as Uint8Array)
        const proof = inclusionProof(index, size, subtree)
        expect(verifyInclusion(leaf, index, size, proof, root)).toBe(true)
        expect(verifyInclusion(merkleLeafHash(utf8ToBytes('other')), index, size, proof, root)).toBe(false)
        expect(verifyInclusion(leaf, index, size, [...proof, root], root)).toBe(false)
        expect(verifyInclusion(leaf, index, size, proof.slice(1), root)).toBe(proof.length === 0)
        if (size > 1) expect(verifyInclusion(leaf, (index + 1) % size, size, proof, root)).toBe(false)
        expect(verifyInclusion(leaf, size, size, proof, root)).toBe(false)
      }
    }
  })

  it('links every tree to each of its pasts, and to no fork', () => {
    for (let size = 1; size <= leaves.length; size++) {
      const root = naiveRoot(leaves.slice(0, size))
      for (let old = 1; old <= size; old++) {
        const past = naiveRoot(leaves.slice(0, old))
        const proof = consistencyProof(old, size, subtree)
        expect(verifyConsistency(old, size, past, root, proof)).toBe(true)
        const fork = naiveRoot([...leaves.slice(0, old - 1), utf8ToBytes('rewritten')])
        expect(verifyConsistency(old, size, fork, root, proof)).toBe(false)
        expect(verifyConsistency(old, size, past, fork, proof)).toBe(false)
        if (old < size) {
          expect(verifyConsistency(old, size, past, root, [])).toBe(false)
          expect(verifyConsistency(old, size, past, root, proof.slice(0, -1))).toBe(false)
          expect(verifyConsistency(old, size, past, root, [...proof, root])).toBe(false)
          expect(verifyConsistency(size, old, root, past, proof)).toBe(false)
        }
      }
    }
  })

  it('takes sizes beyond 32 bits', () => {
    const size = 2 ** 40 + 1
    const byLevel = [merkleLeafHash(utf8ToBytes('same'))]
    for (let level = 1; level <= 40; level++)
      byLevel.push(merkleNodeHash(byLevel[level - 1] as Uint8Array, byLevel[level - 1] as Uint8Array))
    const constant: SubtreeHash = (level) => byLevel[level] as Uint8Array
    const root = rootOf(size, constant)
    for (const index of [0, 2 ** 39 + 12_345, 2 ** 40]) {
      const proof = inclusionProof(index, size, constant)
      expect(verifyInclusion(constant(0, 0), index, size, proof, root)).toBe(true)
    }
  })
})
