import { hash } from 'node:crypto'
import fc from 'fast-check'
import { makeKey } from '../../../kernel/evidence/sample.test-support.ts'
import { type Leaves, PackedLeaves } from '../../../kernel/leaves.ts'
import type { BytesFault, ResultBytes } from './result-bytes.ts'

/** Results that are right by Node's hash and a Merkle root of its own, and what may be wrong with them. */

const KEY = makeKey()

const sha256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.from(hash('sha256', Buffer.concat(parts), 'hex'), 'hex'))

/** RFC 6962, section 2.1, word for word. */
function rootOf(data: readonly Uint8Array[]): Uint8Array {
  const [only] = data
  if (only === undefined) return sha256()
  if (data.length === 1) return sha256(new Uint8Array([0]), only)
  let half = 1
  while (2 * half < data.length) half *= 2
  return sha256(new Uint8Array([1]), rootOf(data.slice(0, half)), rootOf(data.slice(half)))
}

/** The result with these digests, right in everything else. @param leaves none where they are blobs */
export function signedResult(
  digests: readonly Uint8Array[],
  leaves: Leaves,
  receipt = new Uint8Array(Buffer.from('a receipt')),
): ResultBytes {
  return {
    digests: new Uint8Array(Buffer.concat(digests)),
    leaves,
    result_root: rootOf(digests),
    receipt,
    signature: KEY.sign(receipt),
    public_key: KEY.publicKey,
  }
}

/** A result that is right. */
export function rightResult(leaves: Leaves, receipt?: Uint8Array<ArrayBuffer>): ResultBytes {
  return signedResult(
    [...leaves].map((leaf) => sha256(leaf)),
    leaves,
    receipt,
  )
}

/** The same bytes with one bit of the other value. */
export function flipped<T extends Uint8Array>(bytes: T, bit: number): Uint8Array<ArrayBuffer> {
  const copy = new Uint8Array(bytes)
  const at = (bit >> 3) % copy.length
  copy[at] = (copy[at] as number) ^ (1 << (bit & 7))
  return copy
}

/** A result with one thing wrong, and what that is. @param place of a leaf that has bytes */
export type Damage = (result: ResultBytes, place: number, bit: number) => readonly [ResultBytes, BytesFault]

export const DAMAGES: Readonly<Record<string, Damage>> = {
  'another root': (result, _, bit) => [
    { ...result, result_root: flipped(result.result_root, bit) },
    { t: 'root' },
  ],
  'a leaf that is not its digest’s': (result, place, bit) => {
    const leaves = [...result.leaves].map((leaf, at) => (at === place ? flipped(leaf, bit) : leaf))
    return [
      { ...result, leaves },
      { t: 'leaf', place },
    ]
  },
  'a digest that is not its leaf’s': ({ digests, leaves, receipt }, place, bit) => {
    const bent = Array.from({ length: leaves.length }, (_, at) => {
      const digest = digests.slice(32 * at, 32 * at + 32)
      return at === place ? flipped(digest, bit) : digest
    })
    return [signedResult(bent, leaves, new Uint8Array(receipt)), { t: 'leaf', place }]
  },
  'another receipt than was signed': (result, _, bit) => [
    { ...result, receipt: flipped(result.receipt, bit) },
    { t: 'signature' },
  ],
  'a damaged signature': (result, _, bit) => [
    { ...result, signature: flipped(result.signature, bit) },
    { t: 'signature' },
  ],
  'the signature of another key': (result) => [
    { ...result, signature: makeKey().sign(result.receipt) },
    { t: 'signature' },
  ],
}

const exactly = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
/** On all sides of where the hub changes its way of hashing. */
const leafBytes = fc.oneof(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 500, max: 1100 }))

const listed: fc.Arbitrary<Leaves> = fc.array(leafBytes.chain(exactly), { minLength: 1, maxLength: 9 })

/** As they lie in a frame: a head of 2, 3 or 5 bytes before each, the first one anywhere. */
const packed: fc.Arbitrary<Leaves> = fc
  .record({
    first: fc.nat(9),
    head: fc.constantFrom(2, 3, 5),
    size: leafBytes,
    length: fc.integer({ min: 1, max: 9 }),
  })
  .chain(({ first, head, size, length }) =>
    exactly(first + length * (head + size)).map(
      (memory) => new PackedLeaves(memory, first + head, head + size, size, length),
    ),
  )

/** Leaves of each form. */
export const anyLeaves = fc.oneof(listed, packed)
export const anyDigests = fc.array(exactly(32), { minLength: 1, maxLength: 9 })
/** Of any length, so that what lies behind begins at any place. */
export const anyReceipt = fc.uint8Array({ minLength: 1, maxLength: 40 })
export const anyResult: fc.Arbitrary<ResultBytes> = fc
  .tuple(fc.oneof(anyLeaves, anyDigests), anyReceipt, fc.boolean())
  .map(([given, receipt, isBlobs]) =>
    isBlobs && [...given].every(({ length }) => length === 32)
      ? signedResult([...given], [], new Uint8Array(receipt))
      : rightResult(given, new Uint8Array(receipt)),
  )
