import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { copyFile, mkdir, readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { ForgeError } from '../../kernel/errors.ts'
import { parseVkey } from '../../kernel/ledger/signed-note.ts'
import type { Config } from '../config.ts'
import { Publisher } from '../evidence/publisher.ts'
import type { Database } from '../memory/database.ts'
import { listMigrations } from '../memory/migrations.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { openTileStore } from '../memory/tile-store-files.ts'
import { MANIFEST, type Manifest, manifestSchema } from './manifest.ts'
import { quoted } from './tables.ts'

/**
 * Fills an empty deployment from a backup.
 * @returns the manifest of what was restored
 * @throws ForgeError CONFLICT when database or data folder hold something already, UNAVAILABLE when the backup is damaged or
 *   of another version
 */
export async function restore(
  database: Database,
  { dataDir, root }: Pick<Config, 'dataDir' | 'root'>,
  folder: string,
): Promise<Manifest> {
  const manifest = await readManifest(folder)
  await assertSameMigrations(manifest, root)
  await assertIntact(manifest, folder)
  await assertNoFiles(dataDir)
  await loadTables(database.pool, manifest, folder)
  // Files last: as long as they are missing, a server does not start on a half of a deployment.
  for (const { name } of await readdir(folder, { withFileTypes: true })) {
    if (name !== MANIFEST && name !== 'tables')
      await copyAll(path.join(folder, name), path.join(dataDir, name))
  }
  await writeLedgerFiles(database, dataDir)
  return manifest
}

async function readManifest(folder: string): Promise<Manifest> {
  let text: string
  try {
    text = await readFile(path.join(folder, MANIFEST), 'utf8')
  } catch (cause) {
    throw new ForgeError('NOT_FOUND', `${folder} has no ${MANIFEST}`, {
      hint: 'Name the folder that `npm run backup` made.',
      cause,
    })
  }
  try {
    return manifestSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new ForgeError('UNAVAILABLE', `${folder}/${MANIFEST} is damaged or of another version`, { cause })
  }
}

async function assertSameMigrations({ migrations }: Manifest, root: string): Promise<void> {
  const own = await listMigrations(root)
  const isSame =
    own.length === migrations.length &&
    own.every(
      ({ name, checksum }, at) => migrations[at]?.name === name && migrations[at]?.checksum === checksum,
    )
  if (!isSame) {
    throw new ForgeError('UNAVAILABLE', 'the backup was made by another version of this program', {
      hint: `Restore it with the version whose last migration is ${migrations.at(-1)?.name}, then upgrade.`,
    })
  }
}

async function assertIntact({ tables }: Manifest, folder: string): Promise<void> {
  for (const { name, sha256 } of tables) {
    const hash = createHash('sha256')
    await pipeline(createReadStream(path.join(folder, 'tables', `${name}.gz`)), hash).catch((cause) => {
      throw new ForgeError('UNAVAILABLE', `the backup has lost tables/${name}.gz`, { cause })
    })
    if (hash.digest('hex') !== sha256)
      throw new ForgeError('UNAVAILABLE', `tables/${name}.gz of the backup is damaged`, {
        hint: 'Take another copy of this backup, or an earlier backup.',
      })
  }
}

async function assertNoFiles(dataDir: string): Promise<void> {
  for (const name of ['keys', 'log', 'server.secret']) {
    const isThere = await readdir(path.join(dataDir, name)).then(
      (names) => names.length > 0,
      (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
    )
    if (isThere)
      throw new ForgeError('CONFLICT', `${dataDir} holds the ${name} of a server already`, {
        hint: 'Set FORGE_DATA_DIR to an empty folder.',
      })
  }
}

async function loadTables(pool: pg.Pool, { tables, sequences }: Manifest, folder: string): Promise<void> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query('SET LOCAL statement_timeout = 0')
    for (const { name } of tables) {
      // Held until the end: nobody else fills it meanwhile.
      await client.query(`LOCK TABLE ${quoted(name)} IN ACCESS EXCLUSIVE MODE`)
      await client.query(`ALTER TABLE ${quoted(name)} DISABLE TRIGGER USER`)
    }
    // Rows that migrations themselves put in stand in the backup as well; what people did is not replaced.
    const { rows } = await client.query(
      'SELECT EXISTS (SELECT FROM jobs) OR EXISTS (SELECT FROM users) AS used',
    )
    if (rows[0]?.used === true)
      throw new ForgeError('CONFLICT', 'the database holds jobs or accounts already', {
        hint: 'Restore into an empty database: name another one in DATABASE_URL, or another FORGE_DATA_DIR.',
      })
    for (const { name } of tables.toReversed()) await client.query(`DELETE FROM ${quoted(name)}`)
    for (const { name, columns, rows: expected } of tables) {
      const target = client.query(
        copyFrom(`COPY ${quoted(name)} (${columns.map(quoted).join(', ')}) FROM STDIN`),
      )
      await pipeline(createReadStream(path.join(folder, 'tables', `${name}.gz`)), createGunzip(), target)
      if (target.rowCount !== expected)
        throw new ForgeError('UNAVAILABLE', `table ${name} has ${target.rowCount} rows, not ${expected}`)
    }
    for (const { name } of tables) await client.query(`ALTER TABLE ${quoted(name)} ENABLE TRIGGER USER`)
    for (const { name, last_value, is_called } of sequences)
      await client.query('SELECT setval($1::regclass, $2::bigint, $3)', [quoted(name), last_value, is_called])
    await client.query('COMMIT')
  } finally {
    client.release(true)
  }
}

async function copyAll(source: string, target: string): Promise<void> {
  const entries = await readdir(source, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (entries === undefined) {
    await mkdir(path.dirname(target), { recursive: true, mode: 0o700 })
    await copyFile(source, target, constants.COPYFILE_FICLONE)
    return
  }
  for (const { name } of entries) await copyAll(path.join(source, name), path.join(target, name))
}

/** Every file that the newest checkpoint covers, from the entries. */
async function writeLedgerFiles(database: Database, dataDir: string): Promise<void> {
  const { rows } = await database.pool.query<{ vkey: string }>('SELECT vkey FROM log_identity')
  const [log] = rows
  if (log === undefined) return
  const publisher = new Publisher({
    records: createRecordStore(database),
    tiles: openTileStore(path.join(dataDir, 'log')),
    key: parseVkey(log.vkey),
    sign: () => {
      throw new ForgeError('INTERNAL', 'a restore signs nothing')
    },
  })
  await publisher.rewrite()
}
