import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sha256 } from '../../kernel/digest.ts'
import { fastSha256 } from './hashing.ts'

it("the hub's hashing gives the digests of the kernel", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(fastSha256(bytes)).toEqual(sha256(bytes))
    }),
  )
})
