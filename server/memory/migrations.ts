import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import pg from 'pg'
import { ForgeError } from '../../kernel/errors.ts'

/** `migrate deploy` of everything so far; a data migration of a large table may need long. */
const DEPLOY_LIMIT_MS = 15 * 60_000

const UNDEFINED_TABLE = '42P01'

export interface Migration {
  /** Name of its folder, which starts with its time. */
  readonly name: string
  /** SHA-256 of `migration.sql`, as Prisma keeps it. */
  readonly checksum: string
}

/** The migrations of this program, oldest first. */
export async function listMigrations(root: string): Promise<readonly Migration[]> {
  const folder = path.join(root, 'prisma', 'migrations')
  const entries = await readdir(folder, { withFileTypes: true })
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return Promise.all(
    names.sort().map(async (name) => ({
      name,
      checksum: createHash('sha256')
        .update(await readFile(path.join(folder, name, 'migration.sql')))
        .digest('hex'),
    })),
  )
}

/**
 * Brings a database to this program's schema. Usually one query: the Prisma CLI is started only when a migration is
 * missing.
 * @throws ForgeError UNAVAILABLE when a migration fails or an applied one differs from this program's
 */
export async function migrate(
  pool: pg.Pool,
  settings: { readonly root: string; readonly url: string; readonly log: (line: string) => void },
): Promise<void> {
  const wanted = await listMigrations(settings.root)
  const applied = await appliedMigrations(pool)
  const changed = wanted.find(({ name, checksum }) => applied.has(name) && applied.get(name) !== checksum)
  if (changed !== undefined) {
    throw new ForgeError(
      'UNAVAILABLE',
      `the database has another version of migration ${changed.name} than this program`,
      {
        hint: 'Restore that file of prisma/migrations, or start with an empty database.',
      },
    )
  }
  const missing = wanted.filter(({ name }) => !applied.has(name))
  if (missing.length === 0) return
  settings.log(`applying ${missing.length} database migration${missing.length === 1 ? '' : 's'}`)
  await deploy(settings.root, settings.url)
}

/** Finished migrations by name; those that failed or were rolled back are left to the CLI to explain. */
async function appliedMigrations(pool: pg.Pool): Promise<ReadonlyMap<string, string>> {
  try {
    const { rows } = await pool.query<{ migration_name: string; checksum: string }>(
      'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
    )
    return new Map(rows.map((row) => [row.migration_name, row.checksum]))
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE) return new Map()
    throw error
  }
}

/** `prisma migrate deploy`. The CLI takes a lock in the database: two servers that start together do not collide. */
async function deploy(root: string, url: string): Promise<void> {
  const cli = createRequire(path.join(root, 'package.json')).resolve('prisma/build/index.js')
  const child = spawn(process.execPath, [cli, 'migrate', 'deploy'], {
    cwd: root,
    env: {
      ...process.env,
      DATABASE_URL: url,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
      NO_COLOR: '1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEPLOY_LIMIT_MS,
  })
  let said = ''
  const collect = (text: string) => {
    said = (said + text).slice(-8192)
  }
  child.stdout.setEncoding('utf8').on('data', collect)
  child.stderr.setEncoding('utf8').on('data', collect)
  const code = await new Promise<number | string | null>((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (status, signal) => resolve(status ?? signal))
  })
  if (code === 0) return
  const from = said.lastIndexOf('Error:')
  const reason = (from < 0 ? said : said.slice(from)).trim().split('\n').filter(Boolean).slice(0, 4).join(' ')
  throw new ForgeError('UNAVAILABLE', `the database migrations failed: ${reason || `exit ${code}`}`, {
    hint: 'Run npx prisma migrate status with DATABASE_URL set to see which one.',
  })
}
