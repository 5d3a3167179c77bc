import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesToHex, hexToBytes, utf8ToBytes } from '../digest.ts'
import { property } from '../numerics/property.test-support.ts'
import { hashing } from './fastest.ts'
import type { Hashing } from './hashing.ts'
import { portableHashing } from './portable.ts'
import { vectorHashing } from './vector.ts'

const native = (...parts: readonly Uint8Array[]): Uint8Array => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

const packed = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

/** RFC 6962, section 2.1, from hashes of leaves. */
function treeHash(leaves: readonly Uint8Array[]): Uint8Array {
  const [first] = leaves
  if (first === undefined || leaves.length === 1) return first ?? native()
  let split = 1
  while (2 * split < leaves.length) split *= 2
  return native(Uint8Array.of(1), treeHash(leaves.slice(0, split)), treeHash(leaves.slice(split)))
}

/** Deterministic bytes without a pattern of 64. */
const someBytes = (length: number, salt = 0): Uint8Array =>
  Uint8Array.from({ length }, (_, at) => Math.imul(at + 1, 2654435761 + 2 * salt) >>> 23)

/** Published known answers: messages in hexadecimal, their digests. */
const KNOWN: readonly (readonly [origin: string, message: Uint8Array, digest: string])[] = [
  ['FIPS 180-4, abc', utf8ToBytes('abc'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
  [
    'FIPS 180-4, 448 bits',
    utf8ToBytes('abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq'),
    '248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1',
  ],
  [
    'FIPS 180-2, a million a',
    new Uint8Array(1_000_000).fill(0x61),
    'cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0',
  ],
  ['CAVP, 0 bits', new Uint8Array(0), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ['CAVP, 8 bits', hexToBytes('d3'), '28969cdfa74a12c82f3bad960b0b000aca2ac329deea5c2328ebc6f2ba9802c1'],
  ['CAVP, 16 bits', hexToBytes('11af'), '5ca7133fa735326081558ac312c620eeca9970d1e70a4b95533d956f072d1f98'],
  ['CAVP, 24 bits', hexToBytes('b4190e'), 'dff2e73091f6c05e528896c4c831b9448653dc2ff043528f6769437bc7b975c2'],
  [
    'CAVP, 32 bits',
    hexToBytes('74ba2521'),
    'b16aa56be3880d18cd41e68384cf1ec8c17680c45a02b1575dc1518923ae8b0e',
  ],
]

const vector = vectorHashing()
if (vector === undefined) throw new Error('this engine has SIMD128')
const FORMS: Readonly<Record<string, Hashing>> = { portable: portableHashing, vector }

it('the form with vectors is used where the engine has them', () => {
  expect(Object.getPrototypeOf(hashing())).toBe(Object.getPrototypeOf(vector))
})

it('a module that cannot be compiled leaves the portable form', () => {
  expect(vectorHashing(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 255))).toBeUndefined()
})

describe.each(Object.entries(FORMS))('%s SHA-256', (_, form) => {
  it.each(KNOWN)('gives the known answer: %s', (_, message, digest) => {
    expect(bytesToHex(form.digest(message))).toBe(digest)
    // In every lane, beside other messages.
    const row = Array.from({ length: 7 }, () => message)
    expect(bytesToHex(form.each(row))).toBe(digest.repeat(7))
    if (message.length > 0 && message.length < 1000)
      expect(bytesToHex(form.many(packed(row), message.length))).toBe(digest.repeat(7))
  })

  it('hashes messages of every length about the ends of blocks, and around its buffer', () => {
    for (const length of [...Array.from({ length: 200 }, (_, at) => at), 262_143, 262_144, 262_145, 600_001])
      expect(bytesToHex(form.digest(someBytes(length))), `${length} bytes`).toBe(
        bytesToHex(native(someBytes(length))),
      )
  })

  it('hashes any messages together as one by one', () => {
    property(
      'messages together',
      [fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 40 })],
      (messages) => {
        expect(form.each(messages)).toEqual(packed(messages.map((message) => native(message))))
      },
      200,
    )
  })

  it('hashes rows of messages of one length, more than its buffer holds', () => {
    const cases = [
      [1, 9],
      [33, 10_001],
      [55, 4097],
      [56, 5],
      [64, 4096],
      [200, 1500],
      [5000, 70],
      [70_000, 5],
    ] as const
    for (const [length, count] of cases) {
      const row = someBytes(length * count, length)
      const digests = form.many(row, length)
      expect(digests.length).toBe(32 * count)
      for (let at = 0; at < count; at++)
        if (
          !Buffer.from(digests.subarray(32 * at, 32 * at + 32)).equals(
            native(row.subarray(at * length, (at + 1) * length)),
          )
        )
          throw new Error(`message ${at} of ${count} with ${length} bytes`)
    }
  })

  it('gives the tree hash of RFC 6962 for any number of leaves', () => {
    const counts = [...Array.from({ length: 70 }, (_, at) => at + 1), 8191, 8192, 8193, 16_384, 20_001]
    for (const count of counts) {
      const row = someBytes(32 * count, count)
      const given = Array.from({ length: count }, (_, at) => row.subarray(32 * at, 32 * at + 32))
      expect(bytesToHex(form.root(row, true)), `${count} hashes`).toBe(bytesToHex(treeHash(given)))
      const leaves = given.map((data) => native(Uint8Array.of(0), data))
      expect(bytesToHex(form.root(row, false)), `${count} leaves`).toBe(bytesToHex(treeHash(leaves)))
    }
  })

  it('leaves what it was given as it was', () => {
    const row = someBytes(32 * 9)
    form.root(row, true)
    form.many(row, 32)
    expect(row).toEqual(someBytes(32 * 9))
  })
})
