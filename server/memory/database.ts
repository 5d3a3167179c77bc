import path from 'node:path'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { ForgeError } from '../../kernel/errors.ts'
import { PrismaClient } from '../../prisma/generated/client.ts'
import type { Config } from '../config.ts'
import { type EmbeddedServer, openEmbedded } from './embedded.ts'
import { type BindingConnection, writeLargeValuesUncopied } from './large-values.ts'
import { migrate } from './migrations.ts'

/** Database of the embedded cluster. */
const EMBEDDED_DATABASE = 'forge'
const POOL_CONNECTIONS = 10
const CONNECT_LIMIT_MS = 5_000
/** Connections are kept: making one when there is much to do costs more than having it. */
const IDLE_MS = 600_000
/** A transaction of sign-in hashes a password on the way, which takes a busy machine a second. */
const TRANSACTION_LIMIT_MS = 20_000
/** No statement of the server takes nearly as long. */
const STATEMENT_LIMIT_MS = 60_000
/** PostgreSQL 13: `gen_random_uuid()` without an extension. */
const OLDEST_VERSION_NUM = 130_000

export interface Database {
  /** Connection URL. Holds the password. */
  readonly url: string
  /** For the hot path: plain SQL. */
  readonly pool: pg.Pool
  /** For plain reading and writing of rows; works on the same pool. */
  readonly prisma: PrismaClient
  /** Closes all connections; stops the embedded server when nobody else uses it. */
  close(): Promise<void>
}

export interface DatabaseOptions {
  /** Takes one line for the operator. */
  readonly log: (line: string) => void
  /** The embedded server is where this use of it cannot reach it: the program has to start anew. */
  readonly lost?: (error: ForgeError) => void
}

/**
 * Opens the database of `DATABASE_URL`, or else the embedded one, and applies the migrations that it lacks.
 * @throws ForgeError UNAVAILABLE, one line that says what is wrong and what to do
 */
export async function openDatabase(
  config: Pick<Config, 'databaseUrl' | 'dataDir' | 'root'>,
  { log, lost }: DatabaseOptions,
): Promise<Database> {
  if (config.databaseUrl !== undefined) return connect(config.databaseUrl, config.root, log, async () => {})
  const server = await openEmbedded({ folder: path.join(config.dataDir, 'pg'), log, lost })
  try {
    await ensureDatabase(server, EMBEDDED_DATABASE)
    return await connect(server.url(EMBEDDED_DATABASE), config.root, log, () => server.close())
  } catch (error) {
    await server.close()
    throw error
  }
}

/** What a client of node-postgres sends with: a field that its types leave out. */
function connectionOf(client: pg.PoolClient): BindingConnection {
  return (client as pg.PoolClient & { readonly connection: BindingConnection }).connection
}

/**
 * Connects to a database and brings it to this program's schema.
 * @param released called by `close` after the last connection has ended
 */
export async function connect(
  url: string,
  root: string,
  log: (line: string) => void,
  released: () => Promise<void>,
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'forge-pool',
    max: POOL_CONNECTIONS,
    connectionTimeoutMillis: CONNECT_LIMIT_MS,
    idleTimeoutMillis: IDLE_MS,
    statement_timeout: STATEMENT_LIMIT_MS,
    keepAlive: true,
  })
  // Without a listener a connection that breaks while idle would end the process; the pool replaces it by itself.
  pool.on('error', (error) => log(`a database connection was lost: ${error.message}`))
  pool.on('connect', (client) => writeLargeValuesUncopied(connectionOf(client)))
  try {
    await checkServer(pool, url)
    await migrate(pool, { root, url, log })
  } catch (error) {
    await pool.end()
    throw error
  }
  const schema = new URL(url).searchParams.get('schema')
  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, schema === null ? {} : { schema }),
    transactionOptions: { maxWait: CONNECT_LIMIT_MS, timeout: TRANSACTION_LIMIT_MS },
  })
  let closing: Promise<void> | undefined
  const close = async () => {
    await prisma.$disconnect()
    await pool.end()
    await released()
  }
  return { url, pool, prisma, close: () => (closing ??= close()) }
}

/** Makes a database of the embedded server if it is not there. */
async function ensureDatabase(server: EmbeddedServer, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: server.url('postgres') })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)}`)
  } catch (error) {
    // Two servers that start together: the other one made it.
    const existsNow = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (existsNow.rowCount === 0) throw error
  } finally {
    await client.end()
  }
}

async function checkServer(pool: pg.Pool, url: string): Promise<void> {
  let version: number
  try {
    const { rows } = await pool.query<{ version: number }>(
      `SELECT current_setting('server_version_num')::int AS version`,
    )
    version = rows[0]?.version ?? 0
  } catch (cause) {
    throw unreachable(url, cause)
  }
  if (version < OLDEST_VERSION_NUM) {
    throw new ForgeError('UNAVAILABLE', `the database server is PostgreSQL ${Math.floor(version / 10_000)}`, {
      hint: 'Use PostgreSQL 13 or newer.',
    })
  }
}

/** What stands in the way, in words that do not hold the password. */
function unreachable(url: string, cause: unknown): ForgeError {
  const { hostname, port, pathname } = new URL(url)
  const { code = '', message = String(cause) } = cause as { code?: string; message?: string }
  const place = `the database${pathname} at ${hostname}:${port || 5432}`.replace('database/', 'database ')
  const advice: Readonly<Record<string, readonly [string, string]>> = {
    ECONNREFUSED: [
      'refuses connections',
      'Start PostgreSQL there, or unset DATABASE_URL to use the embedded database.',
    ],
    ENOTFOUND: ['has an unknown host name', 'Correct the host in DATABASE_URL.'],
    '3D000': ['does not exist', `Create it with: createdb ${decodeURIComponent(pathname.slice(1))}`],
    '28P01': ['refuses the password', 'Correct the user or password in DATABASE_URL.'],
    '28000': ['refuses this user', 'Correct the user in DATABASE_URL or allow it in pg_hba.conf.'],
  }
  const [what, hint] = advice[code] ?? [
    `cannot be reached: ${message || code}`,
    'Check DATABASE_URL and that PostgreSQL runs there.',
  ]
  return new ForgeError('UNAVAILABLE', `${place} ${what}`, { hint, cause })
}
