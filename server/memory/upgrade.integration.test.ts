import { createHash, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { programRoot } from '../config.ts'
import { connect, type Database } from './database.ts'
import { type EmbeddedServer, openEmbedded } from './embedded.ts'
import { createOwnerStore } from './owner-store.ts'

/** A database of the first version, with what somebody had in it, brought to this one. */

const FIRST = '20261123181146_first_light'
const INPUT = 'a'.repeat(64)
const ARTIFACT = 'b'.repeat(64)

let server: EmbeddedServer
let admin: pg.Client
let database: Database
const name = `test_${Date.now()}_upgrade`

beforeAll(async () => {
  const root = programRoot()
  server = await openEmbedded({ folder: path.join(root, '.forge', 'test-pg'), log: () => {} })
  admin = new pg.Client({ connectionString: server.url('postgres') })
  await admin.connect()
  await admin.query(`CREATE DATABASE ${name}`)
  const old = new pg.Client({ connectionString: server.url(name) })
  await old.connect()
  const sql = await readFile(path.join(root, 'prisma/migrations', FIRST, 'migration.sql'), 'utf8')
  await old.query(sql)
  await old.query(`CREATE TABLE _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)`)
  await old.query(
    `INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
     VALUES ($1, $2, now(), $3, 1)`,
    [randomUUID(), createHash('sha256').update(sql).digest('hex'), FIRST],
  )
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
  await old.end()
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
  await admin.end()
  await server.close()
})

describe('a database of the first version', () => {
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
