import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { AcceptedRun } from '../../kernel/acceptance.ts'
import { bytesToHex, hexToBytes } from '../../kernel/digest.ts'
import { PackedLeaves } from '../../kernel/leaves.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { packRuns, unpackRuns } from './packed-results.ts'
import { runsOf, sampleShards } from './testing/samples.ts'

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const copy = fc.record({
  agent: fc.oneof(fc.constant('referee'), bytes(32).map(bytesToHex)),
  owner: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  executor: fc.constantFrom('webgpu' as const, 'wasm' as const, 'cpu' as const),
})
const leavesOf = (count: number) =>
  fc.oneof(
    fc.constant([]),
    fc.array(bytes(20), { minLength: count, maxLength: count }),
    fc.array(fc.uint8Array({ maxLength: 64 }), { minLength: count, maxLength: count }),
  )
const run = (copies: fc.Arbitrary<AcceptedRun['copies'][number]>) =>
  fc.integer({ min: 1, max: 9 }).chain((count) =>
    fc.record({
      first: fc.integer({ min: 0, max: LIMITS.shards - 9 }),
      count: fc.constant(count),
      method: fc.constantFrom('single' as const, 'quorum' as const, 'referee' as const),
      digests: bytes(32 * count),
      leaves: leavesOf(count),
      copies: fc.array(copies, { minLength: 1, maxLength: 4 }),
    }),
  )
const runsWith = (copies: fc.Arbitrary<AcceptedRun['copies'][number]>) =>
  fc.array(run(copies), { minLength: 1, maxLength: 20 })
/** Few copies, so that runs share them as in a lease; or all different. */
const runs = fc.oneof(
  fc.array(copy, { minLength: 1, maxLength: 3 }).chain((few) => runsWith(fc.constantFrom(...few))),
  runsWith(copy),
)

const plain = (list: readonly AcceptedRun[]) =>
  list.map((each) => ({
    ...each,
    digests: bytesToHex(each.digests),
    leaves: [...each.leaves].map(bytesToHex),
  }))

/** Shards of one lease as one run. */
function leaseOf(first: number, count: number): AcceptedRun {
  const shards = sampleShards(first, count)
  return {
    first,
    count,
    method: 'quorum',
    digests: new Uint8Array(Buffer.concat(shards.map(({ digest }) => digest))),
    leaves: shards.map(({ leaf }) => leaf),
    copies: shards[0]?.copies ?? [],
  }
}

it('packs leaves that lie in a frame as it packs an array of them', () => {
  const memory = Uint8Array.from({ length: 300 }, (_, at) => at & 0xff)
  const run = { ...leaseOf(7, 3), leaves: new PackedLeaves(memory, 5, 90, 70, 3) }
  expect(packRuns([run])).toEqual(packRuns([{ ...run, leaves: [...run.leaves] }]))
})

describe('packed results', () => {
  it('gives back what was packed, in order', () => {
    fc.assert(
      fc.property(runs, (list) => {
        expect(plain(unpackRuns(packRuns(list)))).toEqual(plain(list))
      }),
    )
  })

  it('costs a shard of a lease its leaf and 32 bytes', () => {
    const lease = { ...leaseOf(5000, 1000), leaves: Array.from({ length: 1000 }, () => new Uint8Array(64)) }
    expect(packRuns([lease]).length / 1000).toBeLessThan(32 + 64 + 0.2)
  })

  it('reads rows of version 1', () => {
    const text = (value: string) => [value.length, ...new TextEncoder().encode(value)]
    const digest = (fill: number) => new Array<number>(32).fill(fill)
    const row = Uint8Array.from([
      ...new TextEncoder().encode('FPR1'),
      ...[1, ...text('ada')],
      ...[2, ...[1, ...digest(0xab), 0, 1], ...[0, 0, 1]],
      ...[1, ...[2, 2, 0, 1]],
      // Shards 5, 6 and 4: steps 5, 0 and -3.
      ...[3, ...[10, 0, ...digest(1), 2, 7, 8], ...[0, 0, ...digest(2), 0], ...[5, 0, ...digest(3), 1, 9]],
    ])
    const copies = [
      { agent: 'ab'.repeat(32), owner: 'ada', executor: 'wasm' },
      { agent: 'referee', owner: 'ada', executor: 'wasm' },
    ]
    expect(plain(unpackRuns(row))).toEqual(
      [
        { first: 5, digests: '01'.repeat(32), leaves: ['0708'] },
        { first: 6, digests: '02'.repeat(32), leaves: [''] },
        { first: 4, digests: '03'.repeat(32), leaves: ['09'] },
      ].map((shard) => ({ ...shard, count: 1, method: 'referee', copies })),
    )
  })

  it('refuses every truncation and every appended byte', () => {
    const packed = packRuns([leaseOf(7, 3)])
    for (let length = 0; length < packed.length; length++) {
      expect(() => unpackRuns(packed.subarray(0, length)), `${length} bytes`).toThrow(/damaged/)
    }
    expect(() => unpackRuns(Buffer.concat([packed, Buffer.of(0)]))).toThrow('1 bytes too many')
  })

  it('never fails otherwise than by naming the damage, and reads nothing that it would not write', () => {
    let accepted = 0
    fc.assert(
      fc.property(runs, fc.nat(), fc.integer({ min: 1, max: 255 }), (list, where, flip) => {
        const packed = Buffer.from(packRuns(list))
        const at = where % packed.length
        packed[at] = (packed[at] ?? 0) ^ flip
        let read: readonly AcceptedRun[]
        try {
          read = unpackRuns(packed)
        } catch (error) {
          expect(error).toMatchObject({ name: 'ForgeError', code: 'INTERNAL' })
          return
        }
        accepted++
        for (const each of read) {
          expect(each.digests).toHaveLength(32 * each.count)
          expect(each.copies.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 500 },
    )
    // A flipped bit of a digest or leaf cannot be seen here.
    expect(accepted).toBeGreaterThan(0)
  })

  it('refuses to write what it could not read', () => {
    const [one] = runsOf(sampleShards(0, 1))
    if (one === undefined) throw new Error('no sample')
    expect(() => packRuns([])).toThrow(/0 shards/)
    expect(() => packRuns([{ ...one, copies: [] }])).toThrow(/0 copies/)
    expect(() => packRuns([{ ...one, digests: hexToBytes('00'.repeat(31)) }])).toThrow(/31 bytes/)
    expect(() => packRuns([{ ...one, leaves: [new Uint8Array(LIMITS.inline_leaf_bytes + 1)] }])).toThrow(
      /leaf/,
    )
    expect(() => packRuns([{ ...one, copies: [{ agent: 'x', owner: 'o', executor: 'cpu' }] }])).toThrow(/key/)
  })
})
