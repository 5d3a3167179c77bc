import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { formatVkey, NOTE_SIGNATURE, type NoteKey } from '../../kernel/ledger/signed-note.ts'
import { programRoot } from '../../server/config.ts'
import { Publisher } from '../../server/evidence/publisher.ts'
import { openSigningKey, type SigningKey } from '../../server/evidence/signing-keys.ts'
import { type Database, openDatabase } from '../../server/memory/database.ts'
import type { RecordStore, TileStore } from '../../server/memory/ports/records.ts'
import { createRecordStore } from '../../server/memory/record-store.ts'
import { openTileStore } from '../../server/memory/tile-store-files.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A ledger as the server opens it: PostgreSQL with fsync, tiles in files, keys. */
export interface Ground {
  /** Absolute; for what else is written. */
  readonly folder: string
  readonly database: Database
  readonly records: RecordStore
  readonly tiles: TileStore
  readonly publisher: Publisher
  readonly hubKey: SigningKey
  /** Ends everything and removes what it wrote. */
  close(): Promise<void>
}

export async function openGround(say: (line: string) => void): Promise<Ground> {
  const folder = path.join(ROOT, '.forge', `bench-${randomBytes(4).toString('hex')}`)
  await mkdir(folder, { recursive: true })
  let database: Database | undefined
  const close = async () => {
    await database?.close()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    database = await openDatabase(
      { databaseUrl: undefined, dataDir: folder, root: programRoot() },
      { log: say },
    )
    const hubKey = await openSigningKey(path.join(folder, 'keys', 'hub.pem'))
    const logKey = await openSigningKey(path.join(folder, 'keys', 'log.pem'))
    const key: NoteKey = { name: 'bench.example/log', type: NOTE_SIGNATURE, publicKey: logKey.publicKey }
    const records = createRecordStore(database)
    await records.signWithHubKey(hubKey.publicKey)
    const tiles = openTileStore(path.join(folder, 'log'))
    await records.identity({ origin: key.name, vkey: formatVkey(key) })
    const publisher = new Publisher({ records, tiles, key, sign: logKey.sign })
    return { folder, database, records, tiles, publisher, hubKey, close }
  } catch (error) {
    await close()
    throw error
  }
}
