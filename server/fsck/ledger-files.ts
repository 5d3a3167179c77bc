import { bytesEqual, bytesToHex } from '../../kernel/digest.ts'
import { parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import { parseSignedNote, parseVkey, verifyNote } from '../../kernel/ledger/signed-note.ts'
import {
  entriesPath,
  newTiles,
  packEntries,
  TILE_WIDTH,
  tilePath,
  tileRoot,
} from '../../kernel/ledger/tiles.ts'
import { MerkleRoot, merkleLeafHash } from '../../kernel/merkle.ts'
import { verifySignature } from '../evidence/signing-keys.ts'
import type { Database } from '../memory/database.ts'
import type { RecordStore, TileStore } from '../memory/ports/records.ts'
import { safeNumber } from '../memory/rows.ts'
import type { Found } from './findings.ts'

/**
 * Hashes every stored entry anew and holds all checkpoints that were ever signed, and the files of the newest one, against
 * them.
 * @returns entries looked at
 */
export async function checkLedgerFiles(
  { pool }: Pick<Database, 'pool'>,
  records: Pick<RecordStore, 'size' | 'leaves'>,
  tiles: TileStore,
  found: Found,
): Promise<number> {
  const heads = await signedHeads(pool, found)
  const size = await records.size()
  const published = heads.at(-1)?.size ?? 0
  if (published > size) found('entries', 'the log', `${published} entries were published, ${size} are stored`)
  const tree = new MerkleRoot()
  const rows: Uint8Array[][] = [[]]
  let next = 0
  for (let first = 0; first < size; first += TILE_WIDTH) {
    const leaves = await records.leaves(first, Math.min(size, first + TILE_WIDTH))
    const shown = leaves.slice(0, Math.max(0, published - first))
    for (const [at, { leaf, hash }] of leaves.entries()) {
      if (!bytesEqual(merkleLeafHash(leaf), hash))
        found('entries', `entry ${first + at}`, 'its hash is not that of its bytes')
      tree.append(leaf)
      for (; heads[next]?.size === first + at + 1; next++)
        if (!bytesEqual(heads[next]?.root as Uint8Array, tree.root()))
          found(
            'checkpoints',
            `size ${first + at + 1}`,
            `it was signed with another root than ${bytesToHex(tree.root())}`,
          )
    }
    if (shown.length === 0) continue
    const index = first / TILE_WIDTH
    await compare(tiles, entriesPath(index, shown.length), packEntries(shown.map(({ leaf }) => leaf)), found)
    rows[0]?.push(...shown.map(({ leaf }) => merkleLeafHash(leaf)))
  }
  await compareTiles(rows, published, tiles, found)
  return size
}

interface SignedHead {
  readonly size: number
  readonly root: Uint8Array
}

/** Every checkpoint in ascending order of size; those that do not bear their log's signature are found. */
async function signedHeads(pool: Database['pool'], found: Found): Promise<readonly SignedHead[]> {
  const { rows: logs } = await pool.query<{ origin: string; vkey: string }>(
    'SELECT origin, vkey FROM log_identity',
  )
  const { rows } = await pool.query<{ size: string; note: string }>(
    'SELECT size, note FROM log_checkpoints ORDER BY size',
  )
  const [log] = logs
  if (log === undefined) return []
  const key = parseVkey(log.vkey)
  const heads: SignedHead[] = []
  for (const { size: text, note: signed } of rows) {
    const size = safeNumber(text)
    try {
      const note = parseSignedNote(signed)
      const head = parseCheckpoint(note.text)
      if (head.size !== size || head.origin !== log.origin)
        found('checkpoints', `size ${size}`, `it is that of ${head.origin} at ${head.size}`)
      if ((await verifyNote(note, key, verifySignature)).state !== 'valid')
        found('checkpoints', `size ${size}`, 'the log has not signed it')
      heads.push({ size, root: head.root })
    } catch (error) {
      found('checkpoints', `size ${size}`, error instanceof Error ? error.message : String(error))
    }
  }
  return heads
}

async function compareTiles(
  rows: Uint8Array[][],
  published: number,
  tiles: TileStore,
  found: Found,
): Promise<void> {
  for (const tile of newTiles(0, published)) {
    const hashes =
      rows[tile.level]?.slice(tile.index * TILE_WIDTH, tile.index * TILE_WIDTH + tile.width) ?? []
    const bytes = new Uint8Array(Buffer.concat(hashes))
    await compare(tiles, tilePath(tile), bytes, found)
    if (tile.width < TILE_WIDTH) continue
    const above = tile.level + 1
    rows[above] ??= []
    rows[above].push(tileRoot(bytes))
  }
}

async function compare(tiles: TileStore, name: string, expected: Uint8Array, found: Found): Promise<void> {
  const bytes = await tiles.get(name)
  if (bytes === undefined) found('tiles', name, 'it is missing')
  else if (!bytesEqual(bytes, expected)) found('tiles', name, 'it has other bytes than the entries give')
}
