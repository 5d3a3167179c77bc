import { ForgeError, invariant } from '../../kernel/errors.ts'
import { formatCheckpoint, parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import {
  formatSignedNote,
  type NoteKey,
  parseSignedNote,
  type Sign,
  signNote,
} from '../../kernel/ledger/signed-note.ts'
import {
  entriesPath,
  HASH_BYTES,
  newTiles,
  packEntries,
  subtreeInTile,
  TILE_WIDTH,
  type TileAt,
  tileOf,
  tilePath,
  tileRoot,
} from '../../kernel/ledger/tiles.ts'
import {
  consistencyProof,
  inclusionProof,
  rootOf,
  type SubtreeAt,
  type SubtreeHash,
  verifyConsistency,
} from '../../kernel/merkle-proof.ts'
import type { LogHead, RecordStore, TileStore } from '../memory/ports/records.ts'

/**
 * Makes the ledger public: entries and hashes as tiles, then a signed checkpoint. Everything follows from the entries, which
 * are durable before; a crash in between is made good by the next call.
 */

/** Leaves read from the database at a time: 64 tiles. */
const LEAVES_AT_ONCE = 64 * TILE_WIDTH
/** Files that are made durable together. */
const FILES_AT_ONCE = 64

export interface PublisherPorts {
  readonly records: RecordStore
  readonly tiles: TileStore
  readonly key: NoteKey
  readonly sign: Sign
}

export class Publisher {
  readonly #ports: PublisherPorts

  constructor(ports: PublisherPorts) {
    this.#ports = ports
  }

  get key(): NoteKey {
    return this.#ports.key
  }

  /**
   * Brings the published ledger up to the stored entries.
   * @returns the newest head, or undefined for an empty ledger or while another server publishes
   * @throws ForgeError CONFLICT when what was published is not a past of what is stored
   */
  async publish(): Promise<LogHead | undefined> {
    const { records, key, sign } = this.#ports
    let newest: LogHead | undefined
    await records.publishing(async (head, store) => {
      newest = head
      const size = await records.size()
      if (size === 0 || size === head?.size) return
      if (head !== undefined && head.size > size)
        throw fork(`${head.size} entries were published, ${size} are stored`)
      await this.#writeTiles(head?.size ?? 0, size)
      const root = await this.root(size)
      if (head !== undefined) await this.#assertGrown(head, size, root)
      const text = formatCheckpoint({ origin: key.name, size, root })
      newest = { size, note: formatSignedNote({ text, signatures: [await signNote(text, key, sign)] }) }
      await store(newest)
    })
    return newest
  }

  /** Writes the files of what was published anew from the stored entries: after a restore there are none. */
  async rewrite(): Promise<void> {
    await this.#ports.records.publishing(async (head) => {
      if (head !== undefined) await this.#writeTiles(0, head.size)
    })
  }

  async root(size: number): Promise<Uint8Array> {
    return this.#overTiles(size, (subtree) => rootOf(size, subtree))
  }

  /** @returns hashes from the leaf's sibling up */
  inclusion(index: number, size: number): Promise<Uint8Array[]> {
    return this.#overTiles(size, (subtree) => inclusionProof(index, size, subtree))
  }

  consistency(old: number, size: number): Promise<Uint8Array[]> {
    return this.#overTiles(size, (subtree) => consistencyProof(old, size, subtree))
  }

  async #assertGrown(head: LogHead, size: number, root: Uint8Array): Promise<void> {
    const past = parseCheckpoint(parseSignedNote(head.note).text)
    const proof = await this.consistency(head.size, size)
    if (!verifyConsistency(head.size, size, past.root, root, proof))
      throw fork(`the checkpoint of ${head.size} entries is no past of the stored ones`)
  }

  /** Runs `make` again and again until the tiles that it asks for have been read: a proof needs a few only. */
  async #overTiles<T>(size: number, make: (subtree: SubtreeHash) => T): Promise<T> {
    const known = new Map<string, Uint8Array>()
    for (;;) {
      const missing = new Map<string, TileAt>()
      const subtree = (level: number, index: number): Uint8Array => {
        const at: SubtreeAt = { level, index }
        const tile = tileOf(at, size)
        const bytes = known.get(tilePath(tile))
        if (bytes !== undefined) return subtreeInTile(at, bytes)
        missing.set(tilePath(tile), tile)
        return UNKNOWN
      }
      const made = make(subtree)
      if (missing.size === 0) return made
      for (const [name, tile] of missing) known.set(name, await this.#tile(tile))
    }
  }

  /** A tile of a published size, from the full one where the partial one is gone. */
  async #tile(tile: TileAt): Promise<Uint8Array> {
    const bytes =
      (await this.#ports.tiles.get(tilePath(tile))) ??
      (await this.#ports.tiles.get(tilePath({ ...tile, width: TILE_WIDTH })))
    invariant(bytes !== undefined, `the ledger has lost ${tilePath(tile)}`)
    return bytes
  }

  /**
   * The files that a log of `size` has and one of `old` had not. What stood in a tile before is read back from its file, so
   * that the work is that of the new entries.
   */
  async #writeTiles(old: number, size: number): Promise<void> {
    const { tiles } = this.#ports
    let files = new Map<string, Uint8Array>()
    const flush = async () => {
      await tiles.put(files)
      files = new Map()
    }
    /** Roots of the tiles that were filled here: hashes of the level above. */
    const filled = new Map<string, Uint8Array>()
    const leaves = this.#leavesFrom(Math.floor(old / TILE_WIDTH) * TILE_WIDTH, size)
    for (const tile of newTiles(old, size)) {
      if (files.size >= FILES_AT_ONCE) await flush()
      let hashes: Uint8Array
      if (tile.level === 0) {
        const next = await leaves.next()
        invariant(next.done !== true && next.value.length === tile.width, 'every new tile has its leaves')
        const { value } = next
        files.set(entriesPath(tile.index, tile.width), packEntries(value.map(({ leaf }) => leaf)))
        hashes = new Uint8Array(Buffer.concat(value.map(({ hash }) => hash)))
      } else hashes = await this.#upperTile(tile, old, filled)
      files.set(tilePath(tile), hashes)
      if (tile.width === TILE_WIDTH) filled.set(tilePath(tile), tileRoot(hashes))
    }
    await flush()
  }

  /** The leaves of each tile of level 0 from one that begins at `first`. */
  async *#leavesFrom(first: number, size: number): AsyncGenerator<LogLeaves> {
    for (let from = first; from < size; from += LEAVES_AT_ONCE) {
      const read = await this.#ports.records.leaves(from, Math.min(size, from + LEAVES_AT_ONCE))
      for (let at = 0; at < read.length; at += TILE_WIDTH) yield read.slice(at, at + TILE_WIDTH)
    }
  }

  async #upperTile(tile: TileAt, old: number, filled: ReadonlyMap<string, Uint8Array>): Promise<Uint8Array> {
    const { level, index, width } = tile
    const first = index * TILE_WIDTH
    const before = Math.min(width, Math.max(0, Math.floor(old / TILE_WIDTH ** level) - first))
    const hashes = new Uint8Array(HASH_BYTES * width)
    if (before > 0) {
      const published = await this.#tile({ level, index, width: before })
      hashes.set(published.subarray(0, HASH_BYTES * before))
    }
    for (let at = before; at < width; at++) {
      const below: TileAt = { level: level - 1, index: first + at, width: TILE_WIDTH }
      hashes.set(filled.get(tilePath(below)) ?? tileRoot(await this.#tile(below)), HASH_BYTES * at)
    }
    return hashes
  }
}

type LogLeaves = Awaited<ReturnType<RecordStore['leaves']>>

const UNKNOWN = new Uint8Array(32)

function fork(what: string): ForgeError {
  return new ForgeError('CONFLICT', `the ledger would have two pasts: ${what}`, {
    hint: 'Restore the database and the data folder from one backup. Nothing was published.',
  })
}
