import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { JobState } from '../../kernel/api.ts'
import { agentAccount } from './ledger.ts'
import { auditLedger } from './ledger-audit.ts'
import {
  createLedgerWorld,
  type LedgerWorld,
  REFEREE_AGENT,
  type WorldAgent,
} from './testing/ledger-world.ts'
import { SAMPLE_TERMS, sampleResult } from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

const RUNNING: readonly JobState[] = ['submitted', 'running']

let database: TestDatabase
let world: LedgerWorld
/** Agents of partner sites. */
const sites = new Map<string, { site_id: string; owner_id: string }>()
beforeAll(async () => {
  database = await createTestDatabase()
  world = await createLedgerWorld(database, { ...SAMPLE_TERMS, sites: { ofAgents: async () => sites } })
})
afterEach(async () => {
  expect(await auditLedger(database.pool)).toEqual([])
})
afterAll(() => database.close())

const codes = async (jobId: string) => {
  const rows = await database.prisma.credit_transfers.findMany({
    where: { job_id: jobId },
    orderBy: { seq: 'asc' },
  })
  return rows.map(({ code, credit_account, amount }) => [code, credit_account, Number(amount)])
}

describe('a job’s money', () => {
  it('is held with the job, and neither is stored when credits are missing', async () => {
    const owner = await world.person('account', 1000)
    const job = await world.submit(owner, { shards: 10, copies: 2, price: 40 })
    expect(await world.credits.balance(owner)).toEqual({ available: 200, held: 800 })
    expect(await world.credits.holds(owner, 10)).toMatchObject([{ job_id: job.id, credits: 800 }])
    await expect(world.submit(owner, { shards: 10, copies: 1, price: 21 })).rejects.toMatchObject({
      code: 'CREDITS_INSUFFICIENT',
      message: 'the job needs 210 credits, 200 are available: 10 more are needed',
      status: 402,
    })
    expect(await database.prisma.jobs.count({ where: { owner_id: owner } })).toBe(1)
    expect(await world.credits.balance(owner)).toEqual({ available: 200, held: 800 })
  })

  it('is held once for a repeated submission, also when nothing is left for another', async () => {
    const owner = await world.person('account', 20)
    const submit = () => world.submit(owner, { shards: 10, copies: 2, price: 1, key: 'again' })
    await Promise.all(Array.from({ length: 6 }, submit))
    expect(await world.credits.balance(owner)).toEqual({ available: 0, held: 20 })
  })

  it('goes to those who did the work when the job settles, and all of it', async () => {
    const owner = await world.person('account', 10_000)
    const ada = await world.person('account', 0)
    const sam = await world.person('account', 0)
    const site_id = randomUUID()
    const [adas, nobodys, sams, house] = [
      await world.agent({ owner: ada }),
      await world.agent('network'),
      await world.agent('network'),
      await world.agent('house'),
    ]
    sites.set(sams.id, { site_id, owner_id: sam })
    const networkBefore = await world.posted('network')
    const job = await world.submit(owner, { shards: 4, copies: 2, price: 101 })
    await world.run(job)
    await world.commit(job, [
      [adas, nobodys],
      [adas, sams],
    ])
    await world.commit(job, [
      [nobodys, REFEREE_AGENT],
      [house, adas],
    ])
    expect(await world.settle(job)).toBe(true)
    expect(await world.available(ada)).toBe(242)
    expect(await world.posted(agentAccount(nobodys.id))).toBe(161)
    expect(await world.posted(agentAccount(sams.id))).toBe(80)
    expect(await world.available(sam)).toBe(10)
    expect((await world.posted('network')) - networkBefore).toBe(808 - 242 - 161 - 80 - 10)
    expect(await world.credits.balance(owner)).toEqual({ available: 10_000 - 808, held: 0 })
    const row = await world.jobs.get(job.id)
    expect(row).toMatchObject({
      state: 'settled',
      hold: 808,
      shard_price: 101,
      bill: { computation: 4, verification: 3, referee: 1 },
    })
    const paid = await codes(job.id)
    expect(paid.map(([code]) => code).sort()).toEqual(
      [
        'hold',
        'charge',
        'contribution',
        'contribution',
        'contribution',
        'site',
        'network_work',
        'network_work',
        'fee',
      ].sort(),
    )
    expect(await world.settle(job)).toBe(false)
  })

  it.each(['failed', 'cancelled', 'expired'] as const)(
    'of a job that is %s: what is durable is charged, the rest released',
    async (end) => {
      const owner = await world.person('account', 1000)
      const ada = await world.person('account', 0)
      const agent = await world.agent({ owner: ada })
      const other = await world.agent('network')
      const job = await world.submit(owner, { shards: 10, copies: 2, price: 10 })
      await world.run(job)
      await world.commit(job, [[agent, other]])
      const moves = await Promise.all([
        world.jobs.transition(job.id, RUNNING, end),
        world.jobs.transition(job.id, RUNNING, 'cancelled'),
        world.settle(job),
      ])
      expect(moves.filter(Boolean)).toHaveLength(1)
      expect(await world.credits.balance(owner)).toEqual({ available: 980, held: 0 })
      expect(await world.available(ada)).toBe(8)
    },
  )

  it('of a job that stops early: the shards that count are charged, the others paid from the fee', async () => {
    const owner = await world.person('account', 100_000)
    const ada = await world.person('account', 0)
    const sam = await world.person('account', 0)
    const [adas, sams, house] = [
      await world.agent({ owner: ada }),
      await world.agent('network'),
      await world.agent('house'),
    ]
    sites.set(sams.id, { site_id: randomUUID(), owner_id: sam })
    const job = await world.submit(owner, { shards: 40, copies: 2, price: 101, hasTarget: true })
    expect(await world.credits.balance(owner)).toEqual({ available: 100_000 - 8080, held: 8080 })
    await world.run(job)
    const networkBefore = await world.posted('network')
    await world.commit(job, [
      ...Array.from({ length: 16 }, () => [adas, sams]),
      [sams, adas],
      [house, REFEREE_AGENT],
    ])
    expect(await world.settle(job, 16)).toBe(true)
    // 16 shards, both copies; the hold was for 40.
    expect(await world.credits.balance(owner)).toEqual({ available: 100_000 - 3232, held: 0 })
    expect(await world.jobs.get(job.id)).toMatchObject({
      covered_shards: 16,
      bill: { computation: 16, verification: 16, referee: 0 },
    })
    const contributed = Math.floor(0.8 * 16 * 101)
    expect(await world.available(ada)).toBe(contributed + 80)
    expect(await world.posted(agentAccount(sams.id))).toBe(contributed + 80)
    expect(await world.available(sam)).toBe(161 + 10)
    const fee = 3232 - 2 * contributed - 161
    expect((await world.posted('network')) - networkBefore).toBe(fee - 80 - 80 - 10)
  })

  it('of a job that stops early never takes from the network what it does not have', async () => {
    const owner = await world.person('account', 1_000_000)
    const [ada, ben] = [await world.person('account', 0), await world.person('account', 0)]
    const [adas, bens] = [await world.agent({ owner: ada }), await world.agent({ owner: ben })]
    const job = await world.submit(owner, { shards: 4, copies: 1, price: 100_000, hasTarget: true })
    await world.run(job)
    await world.commit(job, [[adas], [adas], [bens], [bens]])
    const means = (await world.posted('network')) + 20_000
    expect(await world.settle(job, 1)).toBe(true)
    // Of 240,000 that the surplus is worth, what the network has, in the same proportion.
    expect(await world.available(ada)).toBe(80_000 + Math.floor((80_000 * means) / 240_000))
    expect(await world.available(ben)).toBe(Math.floor((160_000 * means) / 240_000))
    expect(await world.posted('network')).toBeLessThan(2)
    expect(await world.available(owner)).toBe(900_000)
  })

  it('of a job that is cancelled after it stopped is charged for the shards that count', async () => {
    const owner = await world.person('account', 1000)
    const agent = await world.agent('network')
    const job = await world.submit(owner, { shards: 10, copies: 1, price: 10, hasTarget: true })
    await world.run(job)
    await world.commit(job, [[agent], [agent], [agent]])
    await world.jobs.transition(job.id, RUNNING, 'cancelled', { covered_shards: 2 })
    expect(await world.credits.balance(owner)).toEqual({ available: 980, held: 0 })
  })

  it('of a job that nobody has worked on is released whole', async () => {
    const owner = await world.person('account', 1000)
    const job = await world.submit(owner, { shards: 10, copies: 2, price: 10 })
    await world.jobs.transition(job.id, RUNNING, 'cancelled')
    expect(await codes(job.id)).toEqual([
      ['hold', 'escrow', 200],
      ['release', 'escrow', 200],
    ])
    expect((await world.jobs.get(job.id))?.bill).toEqual({ computation: 0, verification: 0, referee: 0 })
    expect(await world.available(owner)).toBe(1000)
  })

  it('is neither charged nor paid for the submitter’s own agents', async () => {
    const owner = await world.person('account', 1000)
    const own = await world.agent({ owner })
    const job = await world.submit(owner, { shards: 2, copies: 1, price: 10 })
    await world.run(job)
    await world.commit(job, [[own], [own]])
    await world.settle(job)
    expect(await world.available(owner)).toBe(1000)
  })

  it('is no matter for a job from before there were credits', async () => {
    const owner = await world.person('account', 1000)
    const priced = await world.submit(owner, { shards: 2, copies: 1, price: 10 })
    const id = randomUUID()
    await database.pool.query(
      `INSERT INTO jobs (id, owner_id, state, op, contract, contract_hash, replay_key, plan_digest, shard_count, work_units)
       SELECT $1, owner_id, 'running', op, contract, contract_hash, replay_key, plan_digest, shard_count, work_units
       FROM jobs WHERE id = $2`,
      [id, priced.id],
    )
    expect(await world.jobs.settle(id, sampleResult())).toBe(true)
    expect(await world.jobs.get(id)).toMatchObject({
      state: 'settled',
      hold: null,
      shard_price: null,
      bill: null,
    })
    expect(await codes(id)).toEqual([])
    expect(await world.available(owner)).toBe(980)
  })

  it('is given up when its time is over', async () => {
    const owner = await world.person('account', 1000)
    const job = await world.submit(owner, { shards: 2, copies: 1, price: 10 })
    expect(await world.credits.overdueJobs(10)).not.toContain(job.id)
    const client = await database.pool.connect()
    await client.query('SET session_replication_role = replica')
    await client.query(`UPDATE credit_transfers SET expires_at = now() - interval '1 s' WHERE job_id = $1`, [
      job.id,
    ])
    await client.query('SET session_replication_role = origin')
    client.release()
    expect(await world.credits.overdueJobs(10)).toEqual([job.id])
    await world.jobs.transition(job.id, RUNNING, 'expired')
    expect(await world.credits.overdueJobs(10)).toEqual([])
  })

  it('is never overdrawn by a hundred submitters who race for the last of it', async () => {
    const owner = await world.person('account', 1050)
    const ends = await Promise.allSettled(
      Array.from({ length: 100 }, () => world.submit(owner, { shards: 10, copies: 2, price: 5 })),
    )
    const refused = ends.filter((end) => end.status === 'rejected')
    expect(refused).toHaveLength(90)
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'CREDITS_INSUFFICIENT' })
    expect(await world.credits.balance(owner)).toEqual({ available: 50, held: 1000 })
    expect(await database.prisma.jobs.count({ where: { owner_id: owner } })).toBe(10)
  })
})

describe('a claim', () => {
  const earn = async (agent: WorldAgent, shards: number) => {
    const owner = await world.person('account', 1000)
    const job = await world.submit(owner, { shards, copies: 1, price: 10 })
    await world.run(job)
    await world.commit(
      job,
      Array.from({ length: shards }, () => [agent]),
    )
    return job
  }

  it('moves what the agent has earned, and what it earns from then on', async () => {
    const ada = await world.person('account', 0)
    const agent = await world.agent('network')
    const later = await earn(agent, 2)
    await world.settle(await earn(agent, 5))
    expect(await world.credits.claimAgent(agent.id, ada)).toBe(40)
    expect(await world.credits.claimAgent(agent.id, ada)).toBe(0)
    expect(await world.available(ada)).toBe(40)
    // Its copies were accepted for the network; its owner is known when they are paid.
    await world.settle(later)
    expect(await world.available(ada)).toBe(56)
    expect((await database.prisma.agents.findUnique({ where: { id: agent.id } }))?.owner_id).toBe(ada)
  })

  it('of another account’s agent, or of none, finds nothing', async () => {
    const [ada, eve] = [await world.person('account', 0), await world.person('account', 0)]
    const agent = await world.agent({ owner: ada })
    for (const id of [agent.id, '0'.repeat(64)])
      await expect(world.credits.claimAgent(id, eve)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })

  it('that races with settlements loses nothing', async () => {
    const ada = await world.person('account', 0)
    const agent = await world.agent('network')
    const jobs = await Promise.all(Array.from({ length: 8 }, () => earn(agent, 5)))
    await Promise.all([
      ...jobs.map((job) => world.settle(job)),
      world.credits.claimAgent(agent.id, ada),
      world.credits.claimAgent(agent.id, ada),
    ])
    expect(await world.available(ada)).toBe(8 * 40)
    expect(await world.posted(agentAccount(agent.id))).toBe(0)
  })
})

describe('a guest who signs up', () => {
  it('takes his jobs, their holds and his credits along', async () => {
    const guest = await world.person('guest', 100)
    const account = await world.person('account', 7)
    const done = await world.submit(guest, { shards: 4, copies: 1, price: 10 })
    const agent = await world.agent('network')
    await world.run(done)
    await world.commit(done, [[agent], [agent], [agent], [agent]])
    await world.settle(done)
    const running = await world.submit(guest, { shards: 5, copies: 1, price: 10 })
    await world.run(running)
    expect(await world.credits.moveOwner(guest, account)).toEqual({ credits: 60, jobs: 2 })
    expect(await world.credits.balance(guest)).toEqual({ available: 0, held: 0 })
    expect(await world.credits.balance(account)).toEqual({ available: 17, held: 50 })
    expect(await world.credits.moveOwner(guest, account)).toEqual({ credits: 0, jobs: 0 })
    await world.commit(running, [[agent]])
    await world.jobs.transition(running.id, RUNNING, 'cancelled')
    expect(await world.credits.balance(account)).toEqual({ available: 57, held: 0 })
    expect((await world.jobs.get(done.id))?.owner_id).toBe(account)
  })
})

describe('a statement', () => {
  it('shows every change with what was available after it, page by page and whole', async () => {
    const owner = await world.person('account', 1000)
    const agent = await world.agent({ owner })
    const stranger = await world.person('account', 1000)
    const worker = await world.agent('network')
    const charged = await world.submit(owner, { shards: 10, copies: 1, price: 10 })
    const released = await world.submit(owner, { shards: 3, copies: 1, price: 10 })
    const earning = await world.submit(stranger, { shards: 1, copies: 1, price: 10 })
    await world.run(charged)
    await world.commit(charged, [[worker], [worker]])
    await world.jobs.transition(charged.id, RUNNING, 'failed')
    await world.jobs.transition(released.id, RUNNING, 'cancelled')
    await world.run(earning)
    await world.commit(earning, [[agent]])
    await world.settle(earning)
    const oldest = await world.credits.statementAfter(owner, { after: 0, limit: 100 })
    expect(oldest.map(({ kind, change, charged }) => [kind, change, charged])).toEqual([
      ['grant', 1000, null],
      ['hold', -100, null],
      ['hold', -30, null],
      ['charge', 80, 20],
      ['release', 30, null],
      ['contribution', 8, null],
    ])
    expect(oldest.at(-1)).toMatchObject({ job_id: earning.id, agent: agent.id })
    expect(await world.credits.statementLines(owner)).toBe(6)

    const pages: (readonly [number, number])[] = []
    for (let before: number | undefined; ; ) {
      const query = before === undefined ? { limit: 2 } : { limit: 2, before }
      const { rows, available } = await world.credits.statementBefore(owner, query)
      let after = available
      for (const row of rows) {
        pages.push([row.seq, after])
        after -= row.change
      }
      before = rows.at(-1)?.seq
      if (before === undefined || rows.length < 2) break
    }
    expect(pages.map(([seq]) => seq)).toEqual(oldest.map(({ seq }) => seq).reverse())
    expect(pages.map(([, available]) => available)).toEqual([988, 980, 950, 870, 900, 1000])
  })
})
