import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { sha256Hex } from '../../kernel/digest.ts'
import { referenceReferee } from './referee/reference-referee.test-support.ts'
import { pictureContract, productContract } from './testing/contracts.ts'
import { expectedDigest, TestAgent } from './testing/test-agent.ts'
import { TestNetwork } from './testing/test-network.ts'

let network: TestNetwork

beforeAll(async () => {
  network = await TestNetwork.open()
})
afterEach(({ task }) => network.rest(task))
afterAll(() => network.close())

describe('verification policies on a real store', () => {
  it('accept a job by algebraic checks alone, and shut out an agent whose tile fails', async () => {
    const referee = referenceReferee()
    const { hub } = await network.start({ referee })
    const { contract, inputs } = await productContract(network.blobs, { verify: { mode: 'algebraic' } })
    const { row, job } = await network.submit(contract)
    await hub.admit(row)
    const flipped = (leaf: Uint8Array) => leaf.with(40, (leaf[40] ?? 0) ^ 1)
    const liar = await network.work(hub, 'alice', { corrupt: flipped })
    await liar.over
    expect(liar.heard.some(({ t }) => t === 'rejected')).toBe(true)
    await network.work(hub, 'bob')
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
    expect(done.progress).toMatchObject({ by_method: { algebraic: job.plan.shard_count, single: 0 } })
    expect(referee.runs).toBe(0)
    const again = new TestAgent(hub, network.blobs, liar)
    await expect(network.begin(again, 'alice')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('fails its algebraic check'),
    })
  })

  it('replace what a trusted agent gave alone when it is found wrong, fold again, and pay nobody for it', async () => {
    const { hub } = await network.start({ leaseShards: 2 })
    const { row, job } = await network.submit(
      pictureContract(16, 'backtracking', { verify: { mode: 'spotcheck', rate: 1e-9 } }),
    )
    await hub.admit(row)
    // Wrong from the first shard on, in a bit that no invariant sees, until a receipt gives it away.
    const shifted = (leaf: Uint8Array) => leaf.with(56, (leaf[56] ?? 0) ^ 1)
    const liar = await network.workTrusted(hub, 'alice', { corrupt: shifted, badSignatureFrom: 3 })
    await liar.over
    // While the job goes on, not only when it ends.
    await vi.waitFor(() => expect(hub.progress(row.id)?.by_method.referee).toBeGreaterThanOrEqual(4), 10_000)
    await network.workTrusted(hub, 'bob')
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress?.by_method.referee).toBeGreaterThanOrEqual(4)
    const { rows } = await network.database.pool.query<{ agent: string; copies: string }>(
      `SELECT line.agent, sum(line.computation + line.verification) AS copies FROM result_groups g
       CROSS JOIN LATERAL jsonb_to_recordset(g.work) AS line (agent text, computation bigint, verification bigint)
       WHERE g.job_id = $1 GROUP BY line.agent`,
      [row.id],
    )
    const liarsKey = sha256Hex(await liar.publicKey())
    expect(Number(rows.find((line) => line.agent === liarsKey)?.copies ?? 0)).toBe(0)
    const reputation = (await network.trust.ofAgents([liarsKey])).get(liarsKey)
    expect(reputation?.trust[0]).toMatchObject({ checks: 0, invalid: 1 })
    expect(reputation?.incidents[0]).toMatchObject({ job_id: row.id })
  })

  it('let a known agent work alone under adaptive, and state the doubt that this leaves', async () => {
    const { hub } = await network.start()
    const { row, job } = await network.submit(
      pictureContract(16, 'adaptive', { verify: { mode: 'adaptive', epsilon: 1e-4 } }),
    )
    await hub.admit(row)
    await network.workTrusted(hub, 'alice')
    const done = await network.settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    const { single = 0, referee = 0 } = done.progress?.by_method ?? {}
    expect(single + referee).toBe(job.plan.shard_count)
    expect(done.progress?.checks.audits).toBe(referee)
    expect((done.progress?.checks.doubt_single ?? 1) / single).toBeLessThan(1e-4)
  })
})
