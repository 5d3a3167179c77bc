import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { programRoot } from '../config.ts'
import { connect, type Database } from './database.ts'
import { type EmbeddedServer, openEmbedded } from './embedded.ts'
import { listMigrations } from './migrations.ts'
import { createOwnerStore } from './owner-store.ts'

/** A database of an earlier version, with what somebody had in it since the first one, brought to this one. */

const FIRST = '20261123181146_first_light'
const INPUT = 'a'.repeat(64)
const ARTIFACT = 'b'.repeat(64)

const root = programRoot()
let server: EmbeddedServer
let admin: pg.Client

beforeAll(async () => {
  server = await openEmbedded({ folder: path.join(root, '.forge', 'test-pg'), log: () => {} })
  admin = new pg.Client({ connectionString: server.url('postgres') })
  await admin.connect()
})
afterAll(async () => {
  await admin.end()
  await server.close()
})

const migrations = (await listMigrations(root)).map(({ name }) => name)

/** Applies a migration as Prisma does. */
async function apply(client: pg.Client, migration: string): Promise<void> {
  const sql = await readFile(path.join(root, 'prisma/migrations', migration, 'migration.sql'), 'utf8')
  await client.query(sql)
  await client.query(
    `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
     VALUES ($1, $2, now(), $3, 1)`,
    [randomUUID(), createHash('sha256').update(sql).digest('hex'), migration],
  )
}

/** A database whose last migration is the given one; its people came with the first version. */
async function databaseOf(name: string, last: string): Promise<void> {
  await admin.query(`CREATE DATABASE ${name}`)
  const old = new pg.Client({ connectionString: server.url(name) })
  await old.connect()
  await old.query(`CREATE TABLE _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`)
  await apply(old, FIRST)
  const { rows } = await old.query<{ id: string }>(
    `INSERT INTO owners (kind, label) VALUES ('account', 'local'), ('network', '203.0.113.0/24'), ('house', 'house')
     RETURNING id`,
  )
  await old.query(`INSERT INTO owner_tokens (token_hash, owner_id) VALUES (repeat('c', 64), $1)`, [
    rows[0]?.id,
  ])
  await old.query(
    `INSERT INTO jobs (id, owner_id, op, contract, contract_hash, replay_key, plan_digest, shard_count, work_units,
       artifacts, state, result, result_digest, finished_at)
     VALUES (gen_random_uuid(), $1, 'tensor@1/matmul.v1', $2, repeat('1', 64), repeat('2', 64), repeat('3', 64), 4, 1000,
       $3, 'settled', '{}', repeat('4', 64), now())`,
    [
      rows[0]?.id,
      JSON.stringify({ contract: 1, inputs: { a: { digest: INPUT }, b: { digest: INPUT } } }),
      JSON.stringify([{ name: 'product', digest: ARTIFACT, dtype: 'int32', shape: [2], bytes: 8 }]),
    ],
  )
  for (const migration of migrations.slice(1, migrations.indexOf(last) + 1)) await apply(old, migration)
  await old.end()
}

describe.each([
  ['first', FIRST],
  ['previous', migrations.at(-2) ?? FIRST],
])('a database of the %s version', (word, last) => {
  const name = `test_${Date.now()}_upgrade_${word}`
  let database: Database
  beforeAll(async () => {
    await databaseOf(name, last)
    database = await connect(
      server.url(name),
      root,
      () => {},
      async () => {},
    )
  })
  afterAll(async () => {
    await database.close()
    await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
  })

  it('keeps its jobs, which everybody could see and still can', async () => {
    const { rows } = await database.pool.query('SELECT visibility, state FROM jobs')
    expect(rows).toEqual([{ visibility: 'public', state: 'settled' }])
  })

  it('knows which blobs its jobs read and made', async () => {
    const { rows } = await database.pool.query('SELECT digest, role FROM job_blobs ORDER BY role')
    expect(rows).toEqual([
      { digest: ARTIFACT, role: 'artifact' },
      { digest: INPUT, role: 'input' },
    ])
  })

  it('keeps networks and the house as they are, and accounts that nobody signs in to', async () => {
    const before = await database.pool.query('SELECT id, kind FROM owners ORDER BY kind')
    expect(before.rows.map(({ kind }) => kind)).toEqual(['account', 'house', 'network'])
    const owners = createOwnerStore(database)
    expect((await owners.house()).id).toBe(before.rows[1]?.id)
    expect((await owners.network('203.0.113.0/24')).id).toBe(before.rows[2]?.id)
    expect((await database.pool.query('SELECT FROM owners')).rowCount).toBe(3)
  })
})
