import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { JobView, QuoteView } from '../../kernel/api.ts'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import { SHARD_POINTS } from '../../kernel/ops/mc-pi/args.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { checkDeployment } from '../fsck/check.ts'
import { type AgentPeer, connectAgentPeer } from '../http/testing/agent-peer.ts'
import { type SignedUp, signUp } from '../http/testing/sign-up.ts'
import {
  createTestPool,
  piContract,
  type RunningPool,
  TEST_SPLIT,
  type TestPool,
} from '../http/testing/start-pool.ts'
import { referenceReferee } from '../hub/referee/reference-referee.test-support.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createCorrectionStore } from '../memory/correction-store.ts'
import { createJobStore } from '../memory/job-store.ts'
import { auditLedger } from '../memory/ledger-audit.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { createResultStore } from '../memory/result-store.ts'
import { faultyPool } from '../memory/testing/faulty-pool.ts'
import { PATIENCE } from '../memory/testing/patience.ts'
import { SAMPLE_TERMS } from '../memory/testing/samples.ts'
import { hubKeyFile, openHubKey } from './hub-key.ts'
import { type RecheckPorts, recheck } from './recheck.ts'
import { verifySignature } from './signing-keys.ts'

/** Shards that are found wrong after their job has settled. */

let testPool: TestPool
let pool: RunningPool
let ada: SignedUp
let agent: AgentPeer | undefined

beforeAll(async () => {
  testPool = await createTestPool()
  pool = await testPool.start()
  ada = await signUp(pool)
})
afterAll(async () => {
  agent?.close()
  await testPool.dispose()
})

const get = (id: string) => ada.call('jobs.get', { id }) as Promise<JobView>
const replayOf = async (contract: unknown) =>
  ((await ada.call('jobs.quote', { contract })) as QuoteView).replay?.of
/** A second shard of few points; the first, where there is one, has all of its own. */
const contractOf = (seed: string, shards = 1) => ({
  ...piContract(seed),
  args: { points: (shards - 1) * SHARD_POINTS + 1000 },
  verify: { mode: 'none' },
})

/** A recorded job, executed by an agent that gives these shards another leaf. */
async function settle(contract: unknown, lie?: number): Promise<JobView> {
  agent?.close()
  agent = connectAgentPeer(pool.url, { 'x-forwarded-for': '203.0.113.7' })
  agent.work(await agent.enrol(), 100, (leaf, shard) =>
    shard === lie ? leaf.map((byte, at) => (at === 4 ? byte ^ 1 : byte)) : leaf,
  )
  const { id } = (await ada.call('jobs.submit', { contract, replay: 'never' })) as JobView
  return vi.waitFor(async () => {
    const job = await get(id)
    expect(job.record?.published).toBe(true)
    return job
  }, PATIENCE)
}

async function ports(corrections = createCorrectionStore(testPool.database)): Promise<RecheckPorts> {
  const { database, dataDir } = testPool
  const records = createRecordStore(database)
  return {
    ops: OPS,
    jobs: createJobStore(database, SAMPLE_TERMS),
    results: createResultStore(database.pool),
    records,
    blobs: await openFileBlobStore(path.join(dataDir, 'blobs')),
    corrections,
    referee: referenceReferee(),
    hubKey: openHubKey(hubKeyFile(dataDir), records),
  }
}
const refunds = async (id: string) => {
  const rows = await testPool.database.prisma.credit_transfers.findMany({
    where: { job_id: id, code: 'refund' },
  })
  return rows.map(({ amount }) => Number(amount))
}

describe('a record with a wrong shard', () => {
  it('is corrected once, in the ledger, in the evidence and in money', async () => {
    const contract = contractOf('wrong', 2)
    const job = await settle(contract, 1)
    expect(await replayOf(contract)).toBe(job.id)
    const available = async () => ((await ada.call('credits.balance', {})) as { available: number }).available
    const before = await available()
    // The same by two at once: each shard is corrected once.
    const both = await Promise.all([
      recheck(await ports(), job.id, [0, 1]),
      recheck(await ports(), job.id, [1]),
    ])
    expect(both.map(({ wrong }) => wrong)).toEqual([[1], [1]])
    expect(both.flatMap(({ entries }) => entries)).toHaveLength(1)
    const [refund = 0] = await refunds(job.id)
    expect(refund).toBeGreaterThan(0)
    expect(refund).toBe(both[0].refunded + both[1].refunded)
    expect(refund).toBeLessThanOrEqual((job.cost?.charged ?? 0) / 2)
    expect(await available()).toBe(before + refund)
    expect(await recheck(await ports(), job.id, [1])).toMatchObject({ entries: [], refunded: 0 })
    expect(await auditLedger(testPool.database.pool)).toEqual([])

    const corrected = await get(job.id)
    expect(corrected.corrections).toEqual([expect.objectContaining({ shards: 1 })])
    expect(await replayOf(contract)).toBeUndefined()
    const statement = (await ada.call('credits.statement', {})) as { items: { kind: string }[] }
    expect(statement.items[0]?.kind).toBe('refund')

    // Until the correction is published there is no evidence that leaves it out.
    const url = `${pool.url}/api/v0/jobs/${job.id}/evidence`
    expect((await fetch(url, { headers: ada.headers })).status).toBe(409)
    await settle(contractOf('after'))
    const file = await (await fetch(url, { headers: ada.headers })).text()
    const report = await verifyEvidence(file, {}, { verifySignature, ops: OPS })
    expect(report.checks.filter(({ state }) => state === 'failed').map(({ id }) => id)).toEqual([
      'corrections',
    ])
    expect(report.corrected).toBe(true)
    expect(report.bundle?.corrections?.map(({ index }) => index)).toEqual([corrected.corrections[0]?.index])

    const findings: string[] = []
    const { dataDir, database } = testPool
    await checkDeployment(database, { dataDir, split: TEST_SPLIT }, (...found) =>
      findings.push(found.join(': ')),
    )
    expect(findings).toEqual([])
  })

  it('is corrected once when the connection is lost before or after the commit', async () => {
    const job = await settle(contractOf('lost'), 0)
    for (const fault of ['lost', 'answer_lost'] as const) {
      const faulty = faultyPool(testPool.database.pool)
      faulty.arm(fault)
      const unlucky = await ports(createCorrectionStore({ pool: faulty.pool }))
      await expect(recheck(unlucky, job.id, [0])).rejects.toThrow('the connection was lost')
      expect((await get(job.id)).corrections).toHaveLength(fault === 'lost' ? 0 : 1)
      expect(await refunds(job.id)).toHaveLength(fault === 'lost' ? 0 : 1)
    }
    expect(await recheck(await ports(), job.id, [0])).toMatchObject({ wrong: [0], entries: [] })
    expect(await auditLedger(testPool.database.pool)).toEqual([])
  })

  it('is found by a later record of the same key: the referee decides, and the right one answers', async () => {
    const contract = contractOf('disagreement')
    const wrong = await settle(contract, 0)
    expect(await replayOf(contract)).toBe(wrong.id)
    const right = await settle(contract)
    await vi.waitFor(async () => expect((await get(wrong.id)).corrections).toHaveLength(1), PATIENCE)
    await vi.waitFor(async () => expect(await replayOf(contract)).toBe(right.id), PATIENCE)
    expect((await get(right.id)).corrections).toEqual([])
    expect(testPool.complaints.filter((line) => line.includes('two records of one replay key'))).toHaveLength(
      1,
    )
    const open = await testPool.database.prisma.record_incidents.findMany({ where: { closed_at: null } })
    expect(open).toEqual([])
  })

  it('is not rechecked where that says nothing', async () => {
    const job = await settle(contractOf('right'))
    expect(await recheck(await ports(), job.id, [0])).toMatchObject({ checked: 1, wrong: [], entries: [] })
    await expect(recheck(await ports(), job.id, [1])).rejects.toMatchObject({ code: 'MESSAGE_INVALID' })
    const nobody = '00000000-0000-4000-8000-000000000000'
    await expect(recheck(await ports(), nobody, [0])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const other = { prepare: (of: unknown) => ({ ...OPS.prepare(of), kernelDigest: 'another' }) }
    await expect(recheck({ ...(await ports()), ops: other }, job.id, [0])).rejects.toMatchObject({
      code: 'EXECUTOR_FAILED',
    })
  })
})
