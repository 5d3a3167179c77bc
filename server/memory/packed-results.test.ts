import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AcceptedShard } from '../../kernel/acceptance.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { packShards, unpackShards } from './packed-results.ts'
import { sampleShards } from './testing/samples.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const copy = fc.record({
  agent: fc.oneof(fc.constant('referee'), bytes(32).map(bytesToHex)),
  owner: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  executor: fc.constantFrom('webgpu' as const, 'wasm' as const, 'cpu' as const),
})
const shardsOf = (copies: fc.Arbitrary<AcceptedShard['copies'][number]>) =>
  fc.array(
    fc.record({
      shard: fc.integer({ min: 0, max: LIMITS.shards - 1 }),
      method: fc.constantFrom('single' as const, 'quorum' as const, 'referee' as const),
      digest: bytes(32),
      leaf: fc.uint8Array({ maxLength: 64 }),
      copies: fc.array(copies, { minLength: 1, maxLength: 4 }),
    }),
    { minLength: 1, maxLength: 40 },
  )
/** Few copies, so that shards share them as in a lease; or all different. */
const shards = fc.oneof(
  fc.array(copy, { minLength: 1, maxLength: 3 }).chain((few) => shardsOf(fc.constantFrom(...few))),
  shardsOf(copy),
)

const plain = (list: readonly AcceptedShard[]) =>
  list.map((shard) => ({ ...shard, digest: bytesToHex(shard.digest), leaf: bytesToHex(shard.leaf) }))

describe('packed results', () => {
  it('gives back what was packed, in order', () => {
    fc.assert(
      fc.property(shards, (list) => {
        expect(plain(unpackShards(packShards(list)))).toEqual(plain(list))
      }),
    )
  })

  it('costs a shard of a lease its leaf and about 36 bytes', () => {
    const run = sampleShards(5000, 1000)
    const leaves = run.reduce((sum, { leaf }) => sum + leaf.length, 0)
    expect((packShards(run).length - leaves) / run.length).toBeLessThan(36.5)
  })

  it('refuses every truncation and every appended byte', () => {
    const packed = packShards(sampleShards(7, 3))
    for (let length = 0; length < packed.length; length++) {
      expect(() => unpackShards(packed.subarray(0, length)), `${length} bytes`).toThrow(/damaged/)
    }
    expect(() => unpackShards(Buffer.concat([packed, Buffer.of(0)]))).toThrow('1 bytes too many')
  })

  it('never fails otherwise than by naming the damage, and reads nothing that it would not write', () => {
    let accepted = 0
    fc.assert(
      fc.property(shards, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, where, flip) => {
        const packed = Buffer.from(packShards(list))
        const at = where % packed.length
        packed[at] = (packed[at] ?? 0) ^ flip
        let read: readonly AcceptedShard[]
        try {
          read = unpackShards(packed)
        } catch (error) {
          expect(error).toMatchObject({ name: 'ForgeError', code: 'INTERNAL' })
          return
        }
        accepted++
        for (const shard of read) {
          expect(shard.digest).toHaveLength(32)
          expect(shard.copies.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 500 },
    )
    // A flipped bit of a digest or leaf cannot be seen here.
    expect(accepted).toBeGreaterThan(0)
  })

  it('refuses to write what it could not read', () => {
    const [shard] = sampleShards(0, 1)
    if (shard === undefined) throw new Error('no sample')
    expect(() => packShards([])).toThrow(/0 shards/)
    expect(() => packShards([{ ...shard, copies: [] }])).toThrow(/0 copies/)
    expect(() => packShards([{ ...shard, digest: new Uint8Array(31) }])).toThrow(/31 bytes/)
    expect(() => packShards([{ ...shard, leaf: new Uint8Array(LIMITS.inline_leaf_bytes + 1) }])).toThrow(
      /leaf/,
    )
    expect(() => packShards([{ ...shard, copies: [{ agent: 'x', owner: 'o', executor: 'cpu' }] }])).toThrow(
      /key/,
    )
  })
})
