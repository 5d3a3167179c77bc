import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import { CANARY_SEQ } from './canary-answers.ts'
import { auditLedger } from './ledger-audit.ts'
import type { CanaryAnswerRow, ResultGroup } from './ports/results.ts'
import { createLedgerWorld, type LedgerWorld, type WorldAgent } from './testing/ledger-world.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

let database: TestDatabase
let world: LedgerWorld
let epoch: number
beforeAll(async () => {
  database = await createTestDatabase()
  world = await createLedgerWorld(database)
  epoch = world.epoch
})
afterAll(() => database.close())

let leases = 0
const answer = (job: { id: string }, agent: WorldAgent, shards: number, isRight = true): CanaryAnswerRow => ({
  job_id: job.id,
  epoch,
  lease_id: `canary-${++leases}`,
  agent: agent.id,
  owner: agent.owner,
  shards,
  isRight,
})

describe('answers to canaries', () => {
  it('are stored once, found with the job’s results, and none of its shards', async () => {
    const owner = await world.person('account', 1000)
    const agent = await world.agent('network')
    const job = await world.submit(owner, { shards: 4, copies: 1, price: 10 })
    await world.run(job)
    const canaries = [answer(job, agent, 3), answer(job, agent, 2, false)]
    for (let time = 0; time < 2; time++) await world.results.commit(epoch, [], [], [], canaries)
    const groups: ResultGroup[] = []
    for await (const group of world.results.load(job.id)) groups.push(group)
    expect(groups).toEqual([
      {
        job_id: job.id,
        epoch,
        seq: CANARY_SEQ,
        is_replacement: false,
        runs: [],
        findings: { ...NO_FINDINGS, canaries: 2, canaries_bad: 1 },
      },
    ])
  })

  it('that are right are paid by the network, and nobody is charged for them', async () => {
    const owner = await world.person('account', 10_000)
    const [ada, sam] = [await world.person('account', 0), await world.person('account', 0)]
    const [adas, sams] = [await world.agent({ owner: ada }), await world.agent({ owner: sam })]
    const job = await world.submit(owner, { shards: 10, copies: 2, price: 100 })
    await world.run(job)
    const before = await world.posted('network')
    await world.commit(
      job,
      Array.from({ length: 10 }, () => [adas]),
    )
    // Right for one shard and wrong for another: the second is nobody's earning.
    const canaries = [answer(job, sams, 1), answer(job, sams, 5, false)]
    await world.results.commit(epoch, [], [], [], canaries)
    expect(await world.settle(job)).toBe(true)
    expect(await world.available(ada)).toBe(800)
    expect(await world.available(sam)).toBe(80)
    expect((await world.posted('network')) - before).toBe(1000 - 800 - 80)
    expect(await world.credits.balance(owner)).toEqual({ available: 9000, held: 0 })
    expect(await auditLedger(database.pool)).toEqual([])
  })
})
