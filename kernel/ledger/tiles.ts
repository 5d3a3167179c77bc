import { invariant } from '../errors.ts'
import { merkleRootOfHashes } from '../merkle.ts'
import type { SubtreeAt } from '../merkle-proof.ts'

/**
 * Tiles of a log as C2SP tlog-tiles names and fills them (https://c2sp.org/tlog-tiles): tile n of level l holds, from
 * left to right, the hashes of up to 256 complete subtrees of 256^l leaves each.
 */

export const TILE_WIDTH = 256
export const HASH_BYTES = 32

export interface TileAt {
  /** 0 to 7: 256^7 leaves are more than a safe integer counts. */
  readonly level: number
  readonly index: number
  /** Hashes in it, 1 to 256. */
  readonly width: number
}

/** 1234067 as `x001/x234/067`. */
function indexPath(index: number): string {
  const groups: string[] = []
  for (let rest = index; rest > 0 || groups.length === 0; rest = Math.floor(rest / 1000))
    groups.unshift(String(rest % 1000).padStart(3, '0'))
  return groups.map((group, at) => (at === groups.length - 1 ? group : `x${group}`)).join('/')
}

/** `tile/0/x001/234` and, for a tile that is not full, `tile/0/x001/234.p/112`. */
export function tilePath({ level, index, width }: TileAt): string {
  return `tile/${level}/${indexPath(index)}${partial(width)}`
}

/** Bundle of the entries whose hashes tile `index` of level 0 holds. */
export function entriesPath(index: number, width: number): string {
  return `tile/entries/${indexPath(index)}${partial(width)}`
}

const partial = (width: number): string => (width === TILE_WIDTH ? '' : `.p/${width}`)

/** Hashes in the last tile of a level, and that tile's index, in a tree of `size` leaves. */
function levelWidth(size: number, level: number): number {
  let hashes = size
  for (let at = 0; at < level; at++) hashes = Math.floor(hashes / TILE_WIDTH)
  return hashes
}

/** Every tile that a tree of `size` has and one of `old` had not, lower levels and lower indices first. */
export function newTiles(old: number, size: number): TileAt[] {
  const tiles: TileAt[] = []
  for (let level = 0; levelWidth(size, level) > 0; level++) {
    const hashes = levelWidth(size, level)
    if (hashes === levelWidth(old, level)) continue
    for (let index = Math.floor(levelWidth(old, level) / TILE_WIDTH); index * TILE_WIDTH < hashes; index++)
      tiles.push({ level, index, width: Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH) })
  }
  return tiles
}

/** The tile in which a complete subtree of a tree of `size` leaves is found or can be computed. */
export function tileOf({ level, index }: SubtreeAt, size: number): TileAt {
  const tileLevel = Math.floor(level / 8)
  const within = level % 8
  const first = index * 2 ** within
  const tile = Math.floor(first / TILE_WIDTH)
  const width = Math.min(TILE_WIDTH, levelWidth(size, tileLevel) - tile * TILE_WIDTH)
  invariant(width > 0, `a tree of ${size} has no subtree ${index} of level ${level}`)
  return { level: tileLevel, index: tile, width }
}

/** Hash of a complete subtree from the bytes of `tileOf` it. */
export function subtreeInTile({ level, index }: SubtreeAt, tile: Uint8Array): Uint8Array {
  const within = level % 8
  const count = 2 ** within
  const first = (index * count) % TILE_WIDTH
  invariant((first + count) * HASH_BYTES <= tile.length, 'the subtree lies inside its tile')
  return merkleRootOfHashes(tile.subarray(first * HASH_BYTES, (first + count) * HASH_BYTES))
}

/** Root of a full tile: the hash that the level above has for it. */
export function tileRoot(tile: Uint8Array): Uint8Array {
  invariant(tile.length === TILE_WIDTH * HASH_BYTES, 'only a full tile has a place above')
  return merkleRootOfHashes(tile)
}

/** A bundle: each entry after its length as a big-endian u16. @throws ForgeError INTERNAL for an entry above 65,535 bytes */
export function packEntries(entries: readonly Uint8Array[]): Uint8Array {
  const bundle = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0))
  let at = 0
  for (const entry of entries) {
    invariant(entry.length <= 0xffff, 'an entry has at most 65,535 bytes')
    bundle[at] = entry.length >> 8
    bundle[at + 1] = entry.length & 255
    bundle.set(entry, at + 2)
    at += 2 + entry.length
  }
  return bundle
}

/** @returns undefined when the bytes are no bundle */
export function unpackEntries(bundle: Uint8Array): Uint8Array[] | undefined {
  const entries: Uint8Array[] = []
  for (let at = 0; at < bundle.length; ) {
    const high = bundle[at]
    const low = bundle[at + 1]
    if (high === undefined || low === undefined) return undefined
    const length = (high << 8) | low
    if (at + 2 + length > bundle.length) return undefined
    entries.push(bundle.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return entries
}
