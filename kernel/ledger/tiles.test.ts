import { describe, expect, it } from 'vitest'
import { utf8ToBytes } from '../digest.ts'
import { MerkleRoot, merkleLeafHash, merkleNodeHash } from '../merkle.ts'
import {
  consistencyProof,
  inclusionProof,
  rootOf,
  type SubtreeHash,
  verifyConsistency,
  verifyInclusion,
} from '../merkle-proof.ts'
import {
  entriesPath,
  newTiles,
  packEntries,
  subtreeInTile,
  tileOf,
  tilePath,
  unpackEntries,
} from './tiles.ts'

const leafHash = (at: number) => merkleLeafHash(utf8ToBytes(`entry ${at}`))

/** Every tile of a log of `size` entries, made by the definition in the specification. */
function naiveTiles(size: number): Map<string, Uint8Array> {
  const tiles = new Map<string, Uint8Array>()
  let row = Array.from({ length: size }, (_, at) => leafHash(at))
  for (let level = 0; row.length > 0; level++) {
    for (let index = 0; index * 256 < row.length; index++) {
      const part = row.slice(index * 256, index * 256 + 256)
      tiles.set(tilePath({ level, index, width: part.length }), Buffer.concat(part))
    }
    const above: Uint8Array[] = []
    for (let index = 0; (index + 1) * 256 <= row.length; index++)
      above.push(pairUp(row.slice(index * 256, index * 256 + 256)))
    row = above
  }
  return tiles
}

function pairUp(row: readonly Uint8Array[]): Uint8Array {
  if (row.length === 1) return row[0] as Uint8Array
  return merkleNodeHash(pairUp(row.slice(0, row.length / 2)), pairUp(row.slice(row.length / 2)))
}

describe('tiles of a log', () => {
  // Examples of the specification: https://c2sp.org/tlog-tiles
  it('names tiles as the specification does', () => {
    expect(tilePath({ level: 0, index: 1_234_067, width: 256 })).toBe('tile/0/x001/x234/067')
    expect(tilePath({ level: 1, index: 0, width: 17 })).toBe('tile/1/000.p/17')
    expect(entriesPath(273, 112)).toBe('tile/entries/273.p/112')
    expect(entriesPath(1000, 256)).toBe('tile/entries/x001/000')
  })

  it('has the tiles of the specification for 70,000 entries', () => {
    const tiles = newTiles(0, 70_000)
    const count = (level: number, width: number) =>
      tiles.filter((tile) => tile.level === level && tile.width === width).length
    expect([count(0, 256), count(0, 112), count(1, 256), count(1, 17), count(2, 1)]).toEqual([
      273, 1, 1, 1, 1,
    ])
    expect(tiles).toHaveLength(277)
    expect(newTiles(0, 256).map(tilePath)).toEqual(['tile/0/000', 'tile/1/000.p/1'])
  })

  it('adds exactly the tiles that growth needs', () => {
    for (const [old, size] of [
      [0, 1],
      [255, 256],
      [256, 257],
      [300, 70_000],
      [5, 5],
      [65_535, 65_537],
    ] as const) {
      const before = new Set(newTiles(0, old).map(tilePath))
      const after = newTiles(0, size).map(tilePath)
      expect(new Set(newTiles(old, size).map(tilePath))).toEqual(
        new Set(after.filter((path) => !before.has(path))),
      )
    }
  })

  it('proves from tiles alone', () => {
    const size = 66_000
    const tiles = naiveTiles(size)
    const subtree: SubtreeHash = (level, index) => {
      const tile = tiles.get(tilePath(tileOf({ level, index }, size)))
      if (tile === undefined) throw new Error(`no tile for subtree ${index} of level ${level}`)
      return subtreeInTile({ level, index }, tile)
    }
    const tree = new MerkleRoot()
    const past: Uint8Array[] = []
    for (let at = 0; at < size; at++) {
      tree.append(utf8ToBytes(`entry ${at}`))
      if (at + 1 === 257 || at + 1 === 4096) past.push(tree.root())
    }
    const root = tree.root()
    expect(rootOf(size, subtree)).toEqual(root)
    for (const index of [0, 255, 256, 4095, 65_535, 65_536, 65_999])
      expect(verifyInclusion(leafHash(index), index, size, inclusionProof(index, size, subtree), root)).toBe(
        true,
      )
    for (const [at, old] of [257, 4096].entries())
      expect(
        verifyConsistency(old, size, past[at] as Uint8Array, root, consistencyProof(old, size, subtree)),
      ).toBe(true)
  })

  it('packs entries and refuses torn bundles', () => {
    const entries = [utf8ToBytes('a'), new Uint8Array(0), new Uint8Array(65_535).fill(7)]
    const bundle = packEntries(entries)
    expect(bundle.subarray(0, 3)).toEqual(Uint8Array.of(0, 1, 97))
    expect(unpackEntries(bundle)).toEqual(entries)
    for (const cut of [1, 2, 4, bundle.length - 1])
      expect(unpackEntries(bundle.subarray(0, cut))).toBeUndefined()
  })
})
