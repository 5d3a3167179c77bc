import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { JobView, QuoteView } from '../../kernel/api.ts'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { verifySignature } from '../evidence/signing-keys.ts'
import { auditLedger } from '../memory/ledger-audit.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { type AgentPeer, connectAgentPeer } from './testing/agent-peer.ts'
import { postJson, type SignedUp, signUp } from './testing/sign-up.ts'
import { createTestPool, piContract, type RunningPool, type TestPool } from './testing/start-pool.ts'

/** Contracts that are answered from the records of earlier jobs, through the API. */

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let agents: AgentPeer[] = []

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
  for (const address of ['203.0.113.7', '198.51.100.9']) {
    const agent = connectAgentPeer(pool.url, { 'x-forwarded-for': address })
    agents.push(agent)
    agent.work(await agent.enrol(), 1000)
  }
})
afterAll(async () => {
  for (const agent of agents) agent.close()
  agents = []
  expect(await auditLedger(testPool.database.pool)).toEqual([])
  await testPool.dispose()
})

const contracts = (seed: string) => {
  const verified = (verify: Record<string, unknown>, of = seed) => ({
    ...piContract(of),
    // One shard that costs nothing.
    args: { points: 1000 },
    verify,
  })
  return { verified, QUORUM: verified({ mode: 'quorum', k: 2 }), NONE: verified({ mode: 'none' }) }
}

const get = (who: SignedUp, id: string) => who.call('jobs.get', { id }) as Promise<JobView>
async function submit(
  who: SignedUp,
  contract: unknown,
  more: Record<string, unknown> = {},
): Promise<JobView> {
  const { id } = (await who.call('jobs.submit', { contract, ...more })) as { id: string }
  return get(who, id)
}
/** Waits until the job has settled and its record is published. */
function recorded(who: SignedUp, id: string): Promise<JobView> {
  return vi.waitFor(async () => {
    const job = await get(who, id)
    expect(job.record?.published).toBe(true)
    return job
  }, PATIENCE)
}
const settle = async (who: SignedUp, contract: unknown): Promise<JobView> =>
  recorded(who, (await submit(who, contract, { replay: 'never' })).id)
const quote = async (who: SignedUp, contract: unknown) =>
  ((await who.call('jobs.quote', { contract })) as QuoteView).replay
const balance = async (who: SignedUp) =>
  ((await who.call('credits.balance', {})) as { available: number }).available

describe('a contract with the replay key of a recorded job', () => {
  it('is answered at once, for nothing, with the record and the evidence of that job', async () => {
    const { verified, QUORUM } = contracts('one')
    expect(await quote(ada, QUORUM)).toBeNull()
    const first = await settle(ada, QUORUM)
    expect(first.replay_of).toBeNull()
    expect(await quote(ada, QUORUM)).toEqual({ of: first.id, credits: 0 })
    const before = await balance(ada)
    const again = await submit(ada, { ...QUORUM, policy: { timeout_ms: 60_000 } })
    expect(again).toMatchObject({
      state: 'settled',
      replay_of: first.id,
      result_digest: first.result_digest,
      result: first.result,
      record: first.record,
      corrections: [],
      cost: { held: 0, charged: 0, released: 0 },
    })
    expect(again.id).not.toBe(first.id)
    expect(again.contract_hash).not.toBe(first.contract_hash)
    expect(await balance(ada)).toBe(before)
    const file = await fetch(`${pool.url}/api/v0/jobs/${again.id}/evidence`, { headers: ada.headers })
    const report = await verifyEvidence(await file.text(), {}, { verifySignature, ops: OPS })
    expect(report.verified).toBe(true)
    expect(report.record?.job_id).toBe(first.id)
    expect(await ada.call('jobs.proof', { id: again.id, shards: [0] })).toMatchObject({ id: again.id })
    // It has no record of its own, also after another job has been recorded.
    await settle(ada, verified({ mode: 'none' }, 'one later'))
    const { rows } = await testPool.database.pool.query(`SELECT FROM log_entries WHERE job_id = $1`, [
      again.id,
    ])
    expect(rows).toEqual([])
  })

  it('is executed when asked, by tRPC and by REST, and when the record is weaker', async () => {
    const { verified, QUORUM } = contracts('two')
    await settle(ada, QUORUM)
    expect((await submit(ada, QUORUM, { replay: 'never' })).replay_of).toBeNull()
    const rest = (query: string) =>
      postJson(`${pool.url}/api/v0/ops/execute${query}`, QUORUM, ada.headers).then((answer) => answer.json())
    const jobOf = async (query: string) => get(ada, ((await rest(query)) as { id: string }).id)
    expect((await jobOf('?replay=never')).replay_of).toBeNull()
    // Either of them may answer: the later ones have records by now.
    expect((await jobOf('')).replay_of).not.toBeNull()
    expect(await rest('?replay=maybe')).toMatchObject({ error: { code: 'MESSAGE_INVALID' } })
    expect((await submit(ada, verified({ mode: 'spotcheck', rate: 0.5 }))).replay_of).not.toBeNull()
    expect((await submit(ada, verified({ mode: 'adaptive' }))).replay_of).toBeNull()
    expect(await quote(ada, verified({ mode: 'quorum', k: 3 }))).toBeNull()
    expect(await quote(ada, verified({ mode: 'quorum', k: 2 }, 'another seed'))).toBeNull()
  })

  it('is answered for another owner only while the job is public and was checked', async () => {
    const { verified, QUORUM, NONE } = contracts('three')
    const ben = await signUp(pool, 'Ben')
    const [checked, unchecked] = [
      await settle(ada, QUORUM),
      await settle(ada, verified({ mode: 'none' }, 'three own')),
    ]
    await ada.call('jobs.publish', { id: unchecked.id, visibility: 'public' })
    expect(await quote(ben, QUORUM)).toBeNull()
    await ada.call('jobs.publish', { id: checked.id, visibility: 'public' })
    expect(await quote(ben, QUORUM)).toEqual({ of: checked.id, credits: 0 })
    const answered = await submit(ben, NONE)
    expect(answered.replay_of).toBe(checked.id)
    // What nobody checked is for its owner, whatever the other one asks.
    const own = verified({ mode: 'none' }, 'three own')
    expect(await quote(ben, own)).toBeNull()
    expect((await submit(ada, own)).replay_of).toBe(unchecked.id)
    await ada.call('jobs.publish', { id: checked.id, visibility: 'private' })
    expect(await quote(ben, QUORUM)).toBeNull()
    // What was answered stays answered, with its evidence.
    const file = await fetch(`${pool.url}/api/v0/jobs/${answered.id}/evidence`, { headers: ben.headers })
    expect(file.status).toBe(200)
    // An answer is no record: it answers nobody.
    await ben.call('jobs.publish', { id: answered.id, visibility: 'public' })
    const cleo = await signUp(pool, 'Cleo')
    expect(await quote(cleo, NONE)).toBeNull()
  })

  it("is not answered by what the asker's own agents said", async () => {
    const { QUORUM, verified } = contracts('four')
    const ben = await signUp(pool, 'Ben')
    const first = await settle(ada, QUORUM)
    await ada.call('jobs.publish', { id: first.id, visibility: 'public' })
    expect(await quote(ben, QUORUM)).not.toBeNull()
    await testPool.database.pool.query(
      `UPDATE agents SET owner_id = (SELECT j.owner_id FROM jobs j WHERE j.id = $1)
       WHERE id = (SELECT min(id) FROM agents)`,
      [(await submit(ben, verified({ mode: 'none' }, 'of Ben'))).id],
    )
    expect(await quote(ben, QUORUM)).toBeNull()
    expect(await quote(ada, QUORUM)).not.toBeNull()
  })

  it('is one job for one idempotency key, however it was answered', async () => {
    const { QUORUM, NONE } = contracts('five')
    const first = await settle(ada, QUORUM)
    const key = { idempotency_key: 'once' }
    const sent = await Promise.all(
      Array.from({ length: 6 }, () => ada.call('jobs.submit', { contract: QUORUM, ...key })),
    )
    const ids = new Set((sent as { id: string }[]).map(({ id }) => id))
    expect(ids.size).toBe(1)
    expect((sent as { created: boolean }[]).filter(({ created }) => created)).toHaveLength(1)
    const [id] = [...ids]
    expect((await get(ada, id as string)).replay_of).toBe(first.id)
    expect(await ada.call('jobs.submit', { contract: QUORUM, ...key, replay: 'never' })).toEqual({
      id,
      created: false,
    })
    await expect(ada.call('jobs.submit', { contract: NONE, ...key })).rejects.toThrow('CONFLICT')
  })
})
