import { createHash, randomBytes } from 'node:crypto'
import path from 'node:path'
import pg from 'pg'
import { programRoot } from '../../config.ts'
import { connect, type Database } from '../database.ts'
import { openEmbedded } from '../embedded.ts'
import { listMigrations } from '../migrations.ts'

/** Advisory lock "somebody makes the template", in the database `postgres`. */
const TEMPLATE_LOCK = 0x74656d70
/** A test's process also computes what agents compute: on a slow machine it may not look at a connection for seconds. */
const CONNECT_LIMIT_MS = 60_000
/** Databases of tests that were killed are dropped when they are older. */
const STALE_MS = 3_600_000

export interface TestDatabase extends Database {
  /** Closes and drops the database. */
  close(): Promise<void>
}

/**
 * A database of its own for one test file: a copy of a migrated template on an embedded server that the test processes
 * share. The template is made once for each state of prisma/migrations.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const root = programRoot()
  const server = await openEmbedded({ folder: path.join(root, '.forge', 'test-pg'), log: () => {} })
  const admin = new pg.Client({ connectionString: server.url('postgres') })
  await admin.connect()
  const template = await ensureTemplate(admin, root, server.url)
  const name = `test_${Date.now()}_${randomBytes(4).toString('hex')}`
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  const database = await connect(server.url(name), root, console.error, async () => {
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
    await server.close()
  })
  database.pool.options.connectionTimeoutMillis = CONNECT_LIMIT_MS
  return database
}

/** @returns the template's name */
async function ensureTemplate(
  admin: pg.Client,
  root: string,
  url: (database: string) => string,
): Promise<string> {
  const migrations = await listMigrations(root)
  const version = createHash('sha256').update(JSON.stringify(migrations)).digest('hex').slice(0, 16)
  const name = `template_${version}`
  const exists = async () =>
    (await admin.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])).rowCount === 1
  if (await exists()) return name
  await admin.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
  try {
    if (await exists()) return name
    await dropStale(admin)
    const fresh = `test_${Date.now()}_template`
    await admin.query(`CREATE DATABASE ${fresh}`)
    await (
      await connect(
        url(fresh),
        root,
        () => {},
        async () => {},
      )
    ).close()
    await admin.query(`ALTER DATABASE ${fresh} RENAME TO ${name}`)
    return name
  } finally {
    await admin.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK])
  }
}

async function dropStale(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ datname: string }>(
    `SELECT datname FROM pg_database WHERE datname ~ '^(test|template)_[0-9a-f]+'`,
  )
  for (const { datname } of rows) {
    const made = /^test_(\d+)_/.exec(datname)
    if (made !== null && Date.now() - Number(made[1]) < STALE_MS) continue
    await admin.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`)
  }
}
