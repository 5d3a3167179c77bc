import { createHash } from 'node:crypto'
import { constants, createWriteStream } from 'node:fs'
import { copyFile, mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import { ForgeError } from '../../kernel/errors.ts'
import type { Config } from '../config.ts'
import { listMigrations } from '../memory/migrations.ts'
import { MANIFEST, type Manifest } from './manifest.ts'
import { quoted, sequenceStates, type TableShape, tablesInOrder } from './tables.ts'

/** Files of the data folder that a backup has beside the database. */
const COPIED = ['blobs', 'keys', 'server.secret', 'house-agent.key', 'house-agent.token'] as const
/** Of `blobs`: writes that are not whole yet. */
const UNFINISHED = 'uploads'

export interface BackupCounts {
  readonly tables: number
  readonly rows: number
  readonly files: number
}

/**
 * Copies a deployment into a folder, while it runs. The folder holds secrets and is made for its owner alone.
 * @param folder must not exist; it appears whole or not at all
 * @throws ForgeError CONFLICT when the folder exists
 */
export async function backup(
  pool: pg.Pool,
  { dataDir, root }: Pick<Config, 'dataDir' | 'root'>,
  folder: string,
  now: Date,
): Promise<BackupCounts> {
  const draft = `${folder}.unfinished`
  const present = await readdir(folder).catch(() => undefined)
  if (present !== undefined)
    throw new ForgeError('CONFLICT', `${folder} exists already`, {
      hint: 'Name a folder that does not exist: a backup never replaces another one.',
    })
  await rm(draft, { recursive: true, force: true })
  await mkdir(path.join(draft, 'tables'), { recursive: true, mode: 0o700 })
  const manifest = await copyTables(pool, root, draft, now)
  let files = 0
  for (const name of COPIED) files += await copyFiles(path.join(dataDir, name), path.join(draft, name))
  await writeDurably(path.join(draft, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`)
  await rename(draft, folder)
  const { tables } = manifest
  return { tables: tables.length, rows: tables.reduce((sum, { rows }) => sum + rows, 0), files }
}

async function copyTables(pool: pg.Pool, root: string, draft: string, now: Date): Promise<Manifest> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    // A large table takes longer than any statement of the server may.
    await client.query('SET LOCAL statement_timeout = 0')
    const tables: Manifest['tables'] = []
    for (const shape of await tablesInOrder(client)) {
      const file = path.join(draft, 'tables', `${shape.name}.gz`)
      tables.push({
        name: shape.name,
        columns: [...shape.columns],
        ...(await copyTable(client, shape, file)),
      })
    }
    const sequences = [...(await sequenceStates(client))]
    await client.query('COMMIT')
    const migrations = (await listMigrations(root)).map(({ name, checksum }) => ({ name, checksum }))
    return { forge_pool_backup: 1, taken_at: now.toISOString(), migrations, tables, sequences }
  } finally {
    // A client in the middle of something is not one that others can use.
    client.release(true)
  }
}

async function copyTable(
  client: pg.ClientBase,
  { name, columns }: TableShape,
  file: string,
): Promise<{ rows: number; sha256: string }> {
  const source = client.query(copyTo(`COPY ${quoted(name)} (${columns.map(quoted).join(', ')}) TO STDOUT`))
  const hash = createHash('sha256')
  const hashed = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  await pipeline(
    source,
    createGzip({ level: 6 }),
    hashed,
    createWriteStream(file, { mode: 0o600, flush: true }),
  )
  return { rows: source.rowCount, sha256: hash.digest('hex') }
}

/** @returns files copied; a source that is not there has none */
async function copyFiles(source: string, target: string): Promise<number> {
  const entries = await readdir(source, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    if (error.code === 'ENOTDIR') return undefined
    throw error
  })
  if (entries === undefined) {
    await copyFile(source, target, constants.COPYFILE_FICLONE)
    return 1
  }
  if (entries.length > 0) await mkdir(target, { recursive: true, mode: 0o700 })
  let count = 0
  for (const entry of entries) {
    if (entry.name !== UNFINISHED)
      count += await copyFiles(path.join(source, entry.name), path.join(target, entry.name))
  }
  return count
}

async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}
