import { bytesEqual } from './digest.ts'
import { invariant } from './errors.ts'
import { merkleNodeHash } from './merkle.ts'

/**
 * Audit and consistency proofs of RFC 6962, section 2.1, over any source of complete subtrees; checked by the
 * algorithms of RFC 9162, sections 2.1.3.2 and 2.1.4.2. Sizes and indices are safe integers, far above 2^32.
 */

/** Hash of the complete subtree of 2^level leaves that begins at leaf index * 2^level. */
export type SubtreeHash = (level: number, index: number) => Uint8Array

/** The complete subtrees from which a proof is made, in the order in which it asks for them. */
export interface SubtreeAt {
  readonly level: number
  readonly index: number
}

/** Largest power of two below `count`, for count > 1. */
function split(count: number): number {
  let half = 1
  while (half * 2 < count) half *= 2
  return half
}

/** Halving is exact beyond 32 bits, where bit operations are not. */
function isPowerOfTwo(count: number): boolean {
  let rest = count
  while (rest > 1 && rest % 2 === 0) rest /= 2
  return rest === 1
}

function levelOf(powerOfTwo: number): number {
  let level = 0
  for (let rest = powerOfTwo; rest > 1; rest /= 2) level++
  return level
}

/** Merkle tree hash of the leaves first … first + count - 1, where `first` is a multiple of the largest subtree in them. */
function rangeHash(first: number, count: number, subtree: SubtreeHash): Uint8Array {
  if (isPowerOfTwo(count) && first % count === 0) return subtree(levelOf(count), first / count)
  const left = split(count)
  return merkleNodeHash(rangeHash(first, left, subtree), rangeHash(first + left, count - left, subtree))
}

/** Root of the first `size` leaves, size >= 1. */
export function rootOf(size: number, subtree: SubtreeHash): Uint8Array {
  invariant(size >= 1, 'an empty tree has no subtrees')
  return rangeHash(0, size, subtree)
}

/** The audit path PATH(index, D[size]): from the leaf's sibling up. @throws ForgeError INTERNAL outside the tree */
export function inclusionProof(index: number, size: number, subtree: SubtreeHash): Uint8Array[] {
  invariant(index >= 0 && index < size, `leaf ${index} is not in a tree of ${size}`)
  const path: Uint8Array[] = []
  let first = 0
  let count = size
  while (count > 1) {
    const left = split(count)
    if (index - first < left) {
      path.unshift(rangeHash(first + left, count - left, subtree))
      count = left
    } else {
      path.unshift(rangeHash(first, left, subtree))
      first += left
      count -= left
    }
  }
  return path
}

/** PROOF(old, D[size]), empty for old = 0 and old = size. @throws ForgeError INTERNAL when old > size */
export function consistencyProof(old: number, size: number, subtree: SubtreeHash): Uint8Array[] {
  invariant(old >= 0 && old <= size, `a tree of ${size} has no past of ${old}`)
  if (old === 0 || old === size) return []
  const proof: Uint8Array[] = []
  let first = 0
  let count = size
  let past = old
  /** Whether the subtree in hand is the whole of the old tree, whose hash the verifier has already. */
  let whole = true
  while (past !== count) {
    const left = split(count)
    if (past <= left) {
      proof.unshift(rangeHash(first + left, count - left, subtree))
      count = left
    } else {
      proof.unshift(rangeHash(first, left, subtree))
      first += left
      count -= left
      past -= left
      whole = false
    }
  }
  if (!whole) proof.unshift(rangeHash(first, count, subtree))
  return proof
}

const half = (value: number): number => Math.floor(value / 2)
const isOdd = (value: number): boolean => value % 2 === 1

/** RFC 9162, 2.1.3.2. @param leaf the leaf's hash, prefix included. @returns false for any other tree, leaf or place */
export function verifyInclusion(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
  root: Uint8Array,
): boolean {
  const found = inclusionRoot(leaf, index, size, proof)
  return found !== undefined && bytesEqual(found, root)
}

/** The root to which an audit path leads; undefined for a path of another length than that place has. */
export function inclusionRoot(
  leaf: Uint8Array,
  index: number,
  size: number,
  proof: readonly Uint8Array[],
): Uint8Array | undefined {
  if (!isCount(index) || !isCount(size) || index >= size) return undefined
  let fn = index
  let sn = size - 1
  let hash = leaf
  for (const step of proof) {
    if (sn === 0) return undefined
    if (isOdd(fn) || fn === sn) {
      hash = merkleNodeHash(step, hash)
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else hash = merkleNodeHash(hash, step)
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 ? hash : undefined
}

/** RFC 9162, 2.1.4.2, with the cases old = 0 (any tree grows from nothing) and old = size (the same tree). */
export function verifyConsistency(
  old: number,
  size: number,
  oldRoot: Uint8Array,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!isCount(old) || !isCount(size) || old > size) return false
  if (old === size) return proof.length === 0 && bytesEqual(oldRoot, root)
  if (old === 0) return proof.length === 0
  const steps = isPowerOfTwo(old) ? [oldRoot, ...proof] : [...proof]
  const [start, ...rest] = steps
  if (start === undefined || proof.length === 0) return false
  let fn = old - 1
  let sn = size - 1
  while (isOdd(fn)) {
    fn = half(fn)
    sn = half(sn)
  }
  let before = start
  let after = start
  for (const step of rest) {
    if (sn === 0) return false
    if (isOdd(fn) || fn === sn) {
      before = merkleNodeHash(step, before)
      after = merkleNodeHash(step, after)
      while (!isOdd(fn) && fn !== 0) {
        fn = half(fn)
        sn = half(sn)
      }
    } else after = merkleNodeHash(after, step)
    fn = half(fn)
    sn = half(sn)
  }
  return sn === 0 && bytesEqual(before, oldRoot) && bytesEqual(after, root)
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0
