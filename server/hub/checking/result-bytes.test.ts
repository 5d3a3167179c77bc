import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Page } from './page.ts'
import { type BytesFault, faultOfBytes, type ResultBytes } from './result-bytes.ts'
import {
  anyDigests,
  anyLeaves,
  anyReceipt,
  anyResult,
  DAMAGES,
  flipped,
  rightResult,
  signedResult,
} from './sample-results.test-support.ts'

/** What is said of it where it is, and where it comes by shared memory: there other ways lead to its bytes. */
function bothFaults(result: ResultBytes): readonly (BytesFault | undefined)[] {
  const page = new Page(new SharedArrayBuffer(64 * 1024))
  expect(page.write(result)).toBe(true)
  let far: BytesFault | undefined
  new Page(page.memory).check((one) => {
    far = faultOfBytes(one)
    return far
  })
  return [faultOfBytes(result), far]
}

describe('the bytes of a result', () => {
  it('are right where digests, root and signature are, whatever form its leaves have', () => {
    fc.assert(
      fc.property(anyResult, (result) => {
        expect(bothFaults(result)).toEqual([undefined, undefined])
      }),
    )
  })

  it.each(Object.entries(DAMAGES))('say so of %s, at any bit', (_, damage) => {
    fc.assert(
      fc.property(anyLeaves, anyReceipt, fc.nat(8), fc.nat(8 * 1100), (leaves, receipt, at, bit) => {
        const place = at % leaves.length
        fc.pre((leaves.at(place) as Uint8Array).length > 0)
        const [wrong, fault] = damage(rightResult(leaves, new Uint8Array(receipt)), place, bit)
        expect(bothFaults(wrong)).toEqual([fault, fault])
      }),
    )
  })

  it('that are blobs are not looked at, their digests are', () => {
    fc.assert(
      fc.property(anyDigests, fc.nat(8 * 32), (digests, bit) => {
        const result = signedResult(digests, [])
        expect(bothFaults(result)).toEqual([undefined, undefined])
        const bent = { ...result, digests: flipped(result.digests, bit) }
        expect(bothFaults(bent)).toEqual([{ t: 'root' }, { t: 'root' }])
      }),
    )
  })

  it('name the first thing that is wrong: the root, then a leaf, the first of them, then the signature', () => {
    const leaves = Array.from({ length: 5 }, (_, at) => new Uint8Array(600).fill(at))
    const right = rightResult(leaves)
    const unsigned = { ...right, signature: flipped(right.signature, 0) }
    const misdigested = { ...unsigned, leaves: leaves.map((leaf, at) => (at > 1 ? flipped(leaf, 9) : leaf)) }
    const rootless = { ...misdigested, result_root: flipped(right.result_root, 255) }
    expect([right, unsigned, misdigested, rootless].map(faultOfBytes)).toEqual([
      undefined,
      { t: 'signature' },
      { t: 'leaf', place: 2 },
      { t: 'root' },
    ])
  })
})
