import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sha256 } from '../../../kernel/digest.ts'
import { fastSha256, leafDigests } from './hashing.ts'

it("the hub's hashing gives the digests of the kernel", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(fastSha256(bytes)).toEqual(sha256(bytes))
    }),
  )
})

it('and of many leaves at once, of any lengths', () => {
  const lengths = fc.oneof(fc.integer({ min: 0, max: 130 }), fc.integer({ min: 500, max: 2200 }))
  const leaf = lengths.chain((length) => fc.uint8Array({ minLength: length, maxLength: length }))
  fc.assert(
    fc.property(fc.array(leaf, { maxLength: 9 }), (leaves) => {
      expect(Buffer.from(leafDigests(leaves))).toEqual(Buffer.concat(leaves.map(sha256)))
    }),
  )
})
