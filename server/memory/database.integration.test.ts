import { spawnSync } from 'node:child_process'
import path from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { programRoot } from '../config.ts'
import { connect, openDatabase } from './database.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

const root = programRoot()

describe('the database', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  const reopen = (log: string[]) =>
    connect(
      database.url,
      root,
      (line) => log.push(line),
      async () => {},
    )

  it('is opened without the Prisma CLI when every migration is applied', async () => {
    const log: string[] = []
    await (await reopen(log)).close()
    expect(log).toEqual([])
  })

  it('refuses a database whose migration differs from the file', async () => {
    const [first] = await database.prisma.$queryRaw<{ id: string; checksum: string }[]>`
      SELECT id, checksum FROM _prisma_migrations ORDER BY migration_name LIMIT 1`
    await database.pool.query(`UPDATE _prisma_migrations SET checksum = 'other' WHERE id = $1`, [first?.id])
    await expect(reopen([])).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('another version of migration'),
    })
    await database.pool.query(`UPDATE _prisma_migrations SET checksum = $2 WHERE id = $1`, [
      first?.id,
      first?.checksum,
    ])
  })

  it('has a schema that the migrations give: no drift', () => {
    const cli = path.join(root, 'node_modules/prisma/build/index.js')
    const diff = [
      'migrate',
      'diff',
      '--from-migrations',
      'prisma/migrations',
      '--to-schema',
      'prisma/schema.prisma',
    ]
    const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...diff, '--exit-code'], {
      cwd: root,
      encoding: 'utf8',
      env: { ...process.env, DATABASE_URL: database.url, CHECKPOINT_DISABLE: '1' },
    })
    expect(`${stdout}${stderr}`).toContain('No difference detected')
    expect(status).toBe(0)
  })

  it('allows the job states of the life cycle and no others', async () => {
    const { rows } = await database.pool.query<{ definition: string }>(
      `SELECT pg_get_constraintdef(oid) AS definition FROM pg_constraint WHERE conname = 'jobs_state_check'`,
    )
    const states = [...(rows[0]?.definition ?? '').matchAll(/'(\w+)'/g)].map(([, state]) => state)
    expect(states).toEqual(
      'submitted quoted held planned running verifying settled failed cancelled expired'.split(' '),
    )
  })

  it('says why a migration cannot be applied', async () => {
    await database.pool.query('CREATE DATABASE occupied')
    const url = database.url.replace(/\/[^/]+$/, '/occupied')
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    await client.query('CREATE TABLE agents (id text)')
    await client.end()
    const opened = connect(
      url,
      root,
      () => {},
      async () => {},
    )
    await expect(opened).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching(/^the database migrations failed: Error: P3005 .*schema is not empty/),
    })
    await database.pool.query('DROP DATABASE occupied WITH (FORCE)')
  })

  it.each([
    [/\/[^/]+$/, '/nothing_here', 'does not exist', /createdb nothing_here/],
    [/:[^:@/]+@/, ':wrong@', 'refuses the password', /DATABASE_URL/],
    [/@127\.0\.0\.1:\d+/, '@127.0.0.1:1', 'refuses connections', /Start PostgreSQL/],
  ])(
    'says in one line what is wrong when it cannot be reached (%s)',
    async (part, replacement, message, hint) => {
      const databaseUrl = database.url.replace(part, replacement)
      const error = await openDatabase({ databaseUrl, dataDir: '/nowhere', root }, { log: () => {} }).then(
        () => undefined,
        (reason: unknown) => reason as Error & { hint: string },
      )
      expect(error).toMatchObject({ code: 'UNAVAILABLE' })
      expect(error?.message).toContain(message)
      expect(error?.message).not.toContain('\n')
      expect(error?.hint).toMatch(hint)
      expect(error?.message).not.toContain(new URL(database.url).password)
    },
  )
})
