import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { auditLedger } from '../memory/ledger-audit.ts'
import { createLedgerWorld, type LedgerWorld } from '../memory/testing/ledger-world.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createCreditService } from './credits.ts'

describe('the sweep of holds', () => {
  let database: TestDatabase
  let world: LedgerWorld
  beforeAll(async () => {
    database = await createTestDatabase()
    world = await createLedgerWorld(database)
  })
  afterAll(() => database.close())

  it('expires the jobs whose hold is past its time and which no hub has, with their money', async () => {
    const owner = await world.person('account', 1000)
    const size = { shards: 2, copies: 1, price: 10 }
    const [lost, running, fresh] = [
      await world.submit(owner, size),
      await world.submit(owner, size),
      await world.submit(owner, size),
    ]
    await world.commit(lost, [[await world.agent('network')]])
    const service = createCreditService({
      store: { ...world.credits, overdueJobs: async () => [lost.id, running.id] },
      jobs: world.jobs,
      isRunning: (id) => id === running.id,
      testGrant: 0,
    })
    expect(await service.expireOverdue()).toBe(1)
    expect(await service.expireOverdue()).toBe(0)
    const states = await Promise.all(
      [lost, running, fresh].map(async ({ id }) => (await world.jobs.get(id))?.state),
    )
    expect(states).toEqual(['expired', 'submitted', 'submitted'])
    expect(await world.credits.balance(owner)).toEqual({ available: 1000 - 10 - 40, held: 40 })
    expect(await auditLedger(database.pool)).toEqual([])
  })
})
