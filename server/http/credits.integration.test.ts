import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { BalanceView, JobCostView, StatementPage } from '../../kernel/api/credits.ts'
import type { JobView, NetworkView, QuoteView } from '../../kernel/api.ts'
import { auditLedger } from '../memory/ledger-audit.ts'
import { waitsForLock } from '../memory/testing/waits-for-lock.ts'
import { connectAgentPeer } from './testing/agent-peer.ts'
import { beGuest, postJson, type SignedUp, signUp } from './testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  TEST_GRANT,
  type TestPool,
} from './testing/start-pool.ts'

/** Credits as a person meets them: over the API, with real agents and a real hub. */

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterEach(async () => {
  expect(await auditLedger(testPool.database.pool)).toEqual([])
})
afterAll(() => testPool.dispose())

const balance = async (of: Pick<SignedUp, 'call'>) =>
  (await of.call('credits.balance', undefined)) as BalanceView
const statement = async (of: Pick<SignedUp, 'call'>, input: object) =>
  (await of.call('credits.statement', input)) as StatementPage
const job = async (id: string) => (await ada.call('jobs.get', { id })) as JobView
const submit = async (contract: object) =>
  ((await ada.call('jobs.submit', { contract })) as { id: string }).id

/** One copy of every shard is enough. */
const single = (seed: string, shards: number) => ({ ...piContract(seed, shards), verify: { mode: 'none' } })

describe('a new account', () => {
  it('has its test grant, once, and a guest has nothing', async () => {
    const eve = await signUp(pool, 'Eve')
    const seen = await Promise.all(Array.from({ length: 4 }, () => balance(eve)))
    for (const each of seen) expect(each).toEqual({ available: TEST_GRANT, held: 0, holds: [] })
    expect(await balance(await beGuest(pool))).toEqual({ available: 0, held: 0, holds: [] })
  })
})

describe('a price', () => {
  it('is quoted with its parts, held, and shown with the job to its owner only', async () => {
    const contract = piContract('price', 3)
    const { price, work_units } = (await ada.call('jobs.quote', { contract })) as QuoteView
    expect(price.shard_price).toBe(Math.ceil(work_units / 3000))
    expect(price.items).toEqual([
      { kind: 'computation', copies: 3, credits: 3 * price.shard_price },
      { kind: 'verification', copies: 3, credits: 3 * price.shard_price },
    ])
    expect(price.credits).toBe(6 * price.shard_price)
    const before = await balance(ada)
    const id = await submit(contract)
    expect((await job(id)).cost).toEqual({
      shard_price: price.shard_price,
      held: price.credits,
      charged: null,
      released: null,
      items: price.items,
    })
    const after = await balance(ada)
    expect(after).toMatchObject({ available: before.available - price.credits, held: price.credits })
    expect(after.holds).toMatchObject([{ job_id: id, credits: price.credits }])
    await ada.call('jobs.publish', { id, visibility: 'public' })
    const seen = (await (await fetch(`${pool.url}/api/v0/jobs/${id}`)).json()) as JobView
    expect(seen.cost).toBeNull()
    await ada.call('jobs.cancel', { id })
    expect((await job(id)).cost).toMatchObject({ charged: 0, released: price.credits, items: [] })
    expect(await balance(ada)).toEqual(before)
  })

  it('that is too high is refused with what is missing, and nothing is stored', async () => {
    const contract = piContract('too much', 20_000)
    const { price } = (await ada.call('jobs.quote', { contract })) as QuoteView
    const { available } = await balance(ada)
    const answer = await postJson(`${pool.url}/api/v0/ops/execute`, contract, ada.headers)
    expect(answer.status).toBe(402)
    expect(await answer.json()).toMatchObject({
      error: {
        code: 'CREDITS_INSUFFICIENT',
        message: expect.stringContaining(`${price.credits - available} more are needed`),
        hint: expect.any(String),
      },
    })
    expect(await balance(ada)).toMatchObject({ available, held: 0 })
  })
})

describe('a job that an agent computes', () => {
  it('is charged for what was verified, and pays the agent’s own account until it is claimed', async () => {
    const agent = connectAgentPeer(pool.url)
    const enrolled = await agent.enrol()
    const before = await balance(ada)
    const id = await submit(single('earn', 2))
    agent.work(enrolled, 10)
    const cost = await settled(id)
    agent.close()
    expect(cost).toEqual({
      shard_price: cost.shard_price,
      held: 2 * cost.shard_price,
      charged: 2 * cost.shard_price,
      released: 0,
      items: [{ kind: 'computation', copies: 2, credits: 2 * cost.shard_price }],
    })
    expect((await balance(ada)).available).toBe(before.available - 2 * cost.shard_price)
    const earned = await testPool.database.prisma.credit_accounts.findUnique({
      where: { agent: enrolled.agent_id },
    })
    expect(Number(earned?.credits_posted)).toBe(Math.floor((2 * cost.shard_price * 800) / 1000))
  })

  it('is charged for a copy that was accepted before the job was cancelled but is not durable yet', async () => {
    const id = await submit(single('in flight', 1))
    const { database } = testPool
    // Nothing can be added to the results, but they can be read: only the hub knows what is on its way.
    const blocker = await database.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query('LOCK TABLE result_groups IN SHARE MODE')
    const agent = connectAgentPeer(pool.url)
    agent.work(await agent.enrol(), 10)
    await waitsForLock(database, 1)
    const cancelled = ada.call('jobs.cancel', { id })
    const again = ada.call('jobs.cancel', { id })
    while (((await ada.call('network.stats', undefined)) as NetworkView).jobs_running > 0);
    // The core has let the job go; its end is not stored as long as a copy may still become durable.
    for (let look = 0; look < 20; look++) expect((await job(id)).cost?.charged).toBeNull()
    await blocker.query('COMMIT')
    blocker.release()
    await Promise.all([cancelled, again])
    agent.close()
    const { cost, state } = await job(id)
    expect(state).toBe('cancelled')
    expect(cost?.charged).toBe(cost?.shard_price)
  })
})

describe('the statement', () => {
  it('comes page by page, each line with what was available after it', async () => {
    const whole = await statement(ada, { limit: 100 })
    expect(whole.next_cursor).toBeNull()
    expect(whole.items.at(-1)).toMatchObject({ kind: 'grant', change: TEST_GRANT, available: TEST_GRANT })
    const first = whole.items[0]
    expect(first?.available).toBe((await balance(ada)).available)
    const paged: StatementPage['items'] = []
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await statement(ada, { limit: 3, cursor })
      paged.push(...page.items)
      cursor = page.next_cursor
    }
    expect(paged).toEqual(whole.items)
  })

  it('refuses a cursor that is not one of ours', async () => {
    for (const cursor of ['x', 'MA', Buffer.from('1e3').toString('base64url')])
      expect((await postJson(`${pool.url}/api/trpc/credits.statement`, { cursor }, ada.headers)).status).toBe(
        400,
      )
  })

  it('is the same as CSV, oldest first', async () => {
    const answer = await fetch(`${pool.url}/api/v0/credits/statement.csv`, { headers: ada.headers })
    expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8; header=present')
    expect(answer.headers.get('content-disposition')).toContain('attachment')
    const records = (await answer.text()).split('\r\n')
    expect(records.shift()).toBe('time,kind,change,charged,available,job_id,agent,site_id,transfer_id')
    expect(records.pop()).toBe('')
    const { items } = await statement(ada, { limit: 100 })
    expect(records.reverse()).toEqual(
      items.map(({ time, kind, change, charged, available, job_id, id }) =>
        [time, kind, change, charged ?? '', available, job_id ?? '', '', '', id].join(','),
      ),
    )
  })

  it('is his own: nobody else’s lines are in it', async () => {
    const eve = await signUp(pool, 'Eve')
    expect((await statement(eve, {})).items.map(({ kind }) => kind)).toEqual(['grant'])
  })
})

async function settled(id: string): Promise<JobCostView> {
  for (;;) {
    const { state, cost } = await job(id)
    if (state === 'settled' && cost !== null) return cost
    expect(['submitted', 'planned', 'running', 'verifying']).toContain(state)
  }
}
