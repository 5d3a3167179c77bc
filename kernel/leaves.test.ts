import fc from 'fast-check'
import { expect, it } from 'vitest'
import { sha256Each } from './digest.ts'
import { copyLeaf, type Leaves, leafSize, leavesSize, PackedLeaves } from './leaves.ts'

/** The same leaves as an array, and packed with `gap` other bytes before each. */
const both = fc
  .record({ size: fc.nat(130), count: fc.nat(20), gap: fc.nat(5), seed: fc.nat(255) })
  .map(({ size, count, gap, seed }) => {
    const memory = Uint8Array.from({ length: 3 + count * (gap + size) }, (_, at) => (seed + 31 * at) & 0xff)
    const packed = new PackedLeaves(memory, 3 + gap, gap + size, size, count)
    const array = Array.from({ length: count }, (_, place) => {
      const from = 3 + gap + place * (gap + size)
      return memory.slice(from, from + size)
    })
    return { packed, array }
  })

function expectAlike(packed: Leaves, array: Leaves): void {
  expect(packed.length).toBe(array.length)
  expect([...packed]).toEqual([...array])
  expect(leavesSize(packed)).toBe(leavesSize(array))
  // The place after the last is in neither.
  for (let place = 0; place <= array.length; place++) {
    expect(packed.at(place)).toEqual(array.at(place))
    expect(leafSize(packed, place)).toBe(leafSize(array, place))
  }
  const copies = [packed, array].map((leaves) => {
    const target = new Uint8Array(2 + leavesSize(leaves))
    let to = 2
    for (let place = 0; place < leaves.length; place++) {
      copyLeaf(leaves, place, target, to)
      to += leafSize(leaves, place)
    }
    return target
  })
  expect(copies[0]).toEqual(copies[1])
}

it('says of packed leaves what it says of an array of them, whatever part', () => {
  fc.assert(
    fc.property(both, fc.nat(22), fc.nat(22), ({ packed, array }, first, end) => {
      expectAlike(packed, array)
      expectAlike(packed.slice(first, end), array.slice(first, end))
      expectAlike(packed.slice(first, end).slice(1, 4), array.slice(first, end).slice(1, 4))
    }),
  )
})

it('hashes packed leaves as it hashes an array of them', () => {
  fc.assert(
    fc.property(both, ({ packed, array }) => {
      expect(sha256Each(packed)).toEqual(sha256Each(array))
    }),
  )
})

it('has no leaf before the first', () => {
  expect(new PackedLeaves(new Uint8Array(8), 0, 4, 4, 2).at(-1)).toBeUndefined()
})
