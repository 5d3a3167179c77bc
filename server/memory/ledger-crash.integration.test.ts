import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditLedger } from './ledger-audit.ts'
import { type Child, startChild } from './testing/child.ts'
import { createLedgerWorld, type LedgerWorld } from './testing/ledger-world.ts'
import { sampleResult } from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'
import { waitsForLock } from './testing/waits-for-lock.ts'

const SETTLED = 3 * 2 * 7
const CANCELLED = 2 * 2 * 7

/** kill -9 of a process that moves money. */
describe('the ledger after a crash', () => {
  let database: TestDatabase
  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  const start = (owner: string): Child =>
    startChild(new URL('./testing/settle-until-killed.ts', import.meta.url), [database.url, owner])

  /** What a hub does when it starts again: every unfinished job goes on; here it is cancelled. */
  const goOn = async (world: LedgerWorld) => {
    for (const job of await world.jobs.unfinished())
      await world.jobs.transition(job.id, ['submitted', 'running'], 'cancelled')
  }

  const spent = async (owner: string) => {
    const jobs = await database.prisma.jobs.findMany({ where: { owner_id: owner } })
    return jobs.reduce((sum, { state, bill }) => {
      const { computation = 0, verification = 0 } = (bill ?? {}) as Record<string, number>
      if (state === 'settled') expect(7 * (computation + verification)).toBe(SETTLED)
      return sum + 7 * (computation + verification)
    }, 0)
  }

  it('in the middle of a settlement: the job and its hold are as they were before', async () => {
    const owner = await (await createLedgerWorld(database)).person('account', 10_000)
    // Whoever holds the network's account stops a settlement after the job's row has changed.
    const blocker = await database.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query(`SELECT FROM credit_accounts WHERE id = 'network' FOR UPDATE`)
    const child = start(owner)
    await waitsForLock(database, 1)
    await child.kill()
    await blocker.query('COMMIT')
    blocker.release()
    await quiet(database)
    expect(await auditLedger(database.pool)).toEqual([])
    const [job] = await database.prisma.jobs.findMany({ where: { owner_id: owner } })
    expect(job).toMatchObject({ state: 'running', bill: null, finished_at: null })
    const world = await createLedgerWorld(database)
    expect(await world.credits.balance(owner)).toEqual({ available: 10_000 - SETTLED, held: SETTLED })
    // After a restart the hub makes the result again and settles.
    expect(await world.jobs.settle(job?.id ?? '', sampleResult())).toBe(true)
    expect(await world.credits.balance(owner)).toEqual({ available: 10_000 - SETTLED, held: 0 })
    expect(await auditLedger(database.pool)).toEqual([])
  })

  it('at any other moment, again and again: every job is paid for exactly once or not at all', async () => {
    const owner = await (await createLedgerWorld(database)).person('account', 1_000_000)
    const acknowledged: string[] = []
    for (let round = 0; round < 4; round++) {
      const child = start(owner)
      for (let line = 0; line <= 3 * round; line++) acknowledged.push(await child.line())
      await child.kill()
      await quiet(database)
      expect(await auditLedger(database.pool)).toEqual([])
      await goOn(await createLedgerWorld(database))
    }
    const { credits } = await createLedgerWorld(database)
    expect(await credits.balance(owner)).toEqual({ available: 1_000_000 - (await spent(owner)), held: 0 })
    expect(await auditLedger(database.pool)).toEqual([])
    const ended = await database.prisma.jobs.findMany({ where: { id: { in: acknowledged } } })
    for (const [at, id] of acknowledged.entries()) {
      const job = ended.find((row) => row.id === id)
      expect(job?.finished_at, `job ${at}`).not.toBeNull()
      const charge = await database.prisma.credit_transfers.findFirst({
        where: { job_id: id, code: 'charge' },
      })
      expect([SETTLED, CANCELLED]).toContain(Number(charge?.amount))
    }
  })
})

/** Waits until the server has noticed that the killed process is gone and has rolled back what it was doing. */
async function quiet({ pool }: TestDatabase): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ busy: number }>(
      `SELECT count(*)::int AS busy FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`,
    )
    if (rows[0]?.busy === 0) return
  }
}
