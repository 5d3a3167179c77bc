import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../kernel/digest.ts'
import { merkleRootOfDigests } from '../../kernel/merkle.ts'
import { fastMerkleRoot, fastSha256 } from './hashing.ts'

describe("the hub's hashing", () => {
  it('gives the digests of the kernel', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(new Uint8Array(fastSha256(bytes))).toEqual(sha256(bytes))
      }),
    )
  })

  it('gives the roots of the kernel, for every number of digests', () => {
    for (let count = 1; count <= 70; count++) {
      const packed = new Uint8Array(32 * count).map((_, at) => (at * 7 + count) & 255)
      expect(fastMerkleRoot(packed), `${count} digests`).toEqual(merkleRootOfDigests(packed))
    }
  })
})
