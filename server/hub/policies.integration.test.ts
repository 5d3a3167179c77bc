import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Verify } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { makeKey } from '../../kernel/evidence/sample.test-support.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { jobPrice } from '../../kernel/price.ts'
import { createAgentStore } from '../memory/agent-store.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createJobStore } from '../memory/job-store.ts'
import type { BlobStore, JobRow, OwnerRow } from '../memory/ports.ts'
import { createResultStore } from '../memory/result-store.ts'
import { SAMPLE_TERMS, sampleAccount } from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createTrustStore, type TrustStore } from '../memory/trust-store.ts'
import { Hub } from './hub.ts'
import { once } from './job-runtime.ts'
import { referenceReferee } from './referee/reference-referee.test-support.ts'
import { sharedChunks } from './testing/shared-chunks.ts'
import { eventually, expectedDigest, TestAgent } from './testing/test-agent.ts'

const LEASE_KEY = makeKey()
let database: TestDatabase
let folder: string
let blobs: BlobStore
let trust: TrustStore
let alice: OwnerRow
let bob: OwnerRow

beforeAll(async () => {
  database = await createTestDatabase()
  folder = mkdtempSync(path.join(tmpdir(), 'forge-policies-'))
  blobs = await openFileBlobStore(folder)
  trust = createTrustStore(database)
  alice = await sampleAccount(database, 'alice')
  bob = await sampleAccount(database, 'bob')
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

async function startHub(referee = referenceReferee()): Promise<Hub> {
  return await Hub.start({
    jobs: createJobStore(database, SAMPLE_TERMS),
    results: createResultStore(database.pool),
    blobs,
    agents: createAgentStore(database),
    trust,
    chunks: sharedChunks(database).chunks,
    referee,
    leaseKey: async () => LEASE_KEY,
    houseAgent: false,
    listener: { jobChanged() {}, networkChanged() {} },
    log: () => {},
    fatal: () => {},
  })
}

async function submit(contract: { readonly verify: Verify }): Promise<{ row: JobRow; job: PreparedJob }> {
  const job = OPS.prepare(contract)
  const price = jobPrice(job.plan, contract.verify)
  const owner = await sampleAccount(database, 'submitter')
  const { job: row } = await createJobStore(database, SAMPLE_TERMS).insert({
    id: crypto.randomUUID(),
    owner_id: owner.id,
    idempotency_key: undefined,
    contract: job.contract,
    canonical: job.canonical,
    op: job.op,
    contract_hash: job.contractHash,
    replay_key: job.replayKey,
    plan_digest: job.planDigest,
    shard_count: job.plan.shard_count,
    work_units: job.plan.work_units,
    shard_price: price.shard_price,
    hold: price.credits,
  })
  return { row, job }
}

const sir = (runs: number, seed: string, verify: Verify) => ({
  contract: 1,
  op: { name: 'ensemble', version: 1, profile: 'sir.v1' },
  args: {
    ...OPS.get('ensemble@1/sir.v1').example,
    population: 10_000_000,
    days: 128,
    steps_per_day: 8,
    runs,
  },
  seed: { mode: 'explicit', value: seed },
  verify,
})

async function settled(id: string): Promise<JobRow> {
  return await eventually(async () => {
    const row = await createJobStore(database, SAMPLE_TERMS).get(id)
    expect(row?.state).not.toBe('failed')
    return row?.state === 'settled' ? row : undefined
  })
}

/** An agent whose history is good enough to work alone, by what the database says. */
async function trusted(hub: Hub, owner: OwnerRow): Promise<TestAgent> {
  const agent = new TestAgent(hub, blobs)
  const id = sha256Hex(await agent.publicKey())
  await createAgentStore(database).enrolled(
    { id, owner_id: owner.id, executor: 'cpu', label: 'known', software: 'test/1', site_id: null },
    [],
  )
  await trust.passed([{ agent: id, executor: 'cpu', valid: 100_000 }])
  return agent
}

describe('verification policies on a real store', () => {
  it('accept a job by algebraic checks alone, and shut out an agent whose tile fails', async () => {
    const referee = referenceReferee()
    const hub = await startHub(referee)
    const side = 300
    const a = Uint8Array.from({ length: side * side }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24)
    await blobs.put(once(a))
    const input = { digest: sha256Hex(a), dtype: 'int8', shape: [side, side] }
    const { row, job } = await submit({
      contract: 1,
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: { a: input, b: input },
      seed: { mode: 'derived' },
      verify: { mode: 'algebraic' },
    } as { verify: Verify })
    await hub.admit(row)
    const flipped = (leaf: Uint8Array) => leaf.with(40, (leaf[40] ?? 0) ^ 1)
    const liar = new TestAgent(hub, blobs)
    await liar.run(alice, { corrupt: flipped })
    expect(liar.heard.some(({ t }) => t === 'rejected')).toBe(true)
    const agent = new TestAgent(hub, blobs)
    const run = agent.run(bob)
    const done = await settled(row.id)
    expect(done.result_digest).toBe(
      expectedDigest(
        job,
        new Map([
          ['a', a],
          ['b', a],
        ]),
      ),
    )
    expect(done.progress).toMatchObject({ by_method: { algebraic: job.plan.shard_count, single: 0 } })
    expect(referee.runs).toBe(0)
    await expect(new TestAgent(hub, blobs, liar).run(alice)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('fails its algebraic check'),
    })
    agent.stop()
    await run
    await hub.close()
  })

  it('replace what a trusted agent gave alone when it is found wrong, fold again, and pay nobody for it', async () => {
    const hub = await startHub()
    const { row, job } = await submit(sir(4096, 'backtracking', { mode: 'spotcheck', rate: 1e-9 }))
    expect(job.plan.shard_count).toBe(16)
    await hub.admit(row)
    // Wrong from the first shard on, in a word that no invariant sees, until a receipt gives it away.
    const shifted = (leaf: Uint8Array) => leaf.with(4 * 14, (leaf[4 * 14] ?? 0) ^ 1)
    const liar = await trusted(hub, alice)
    await liar.run(alice, { corrupt: shifted, badSignatureFrom: 3 })
    // While the job goes on, not only when it ends.
    await vi.waitFor(() => expect(hub.progress(row.id)?.by_method.referee).toBeGreaterThanOrEqual(4), 10_000)
    const agent = await trusted(hub, bob)
    const run = agent.run(bob)
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress?.by_method.referee).toBeGreaterThanOrEqual(4)
    const { rows } = await database.pool.query<{ agent: string; copies: string }>(
      `SELECT line.agent, sum(line.computation + line.verification) AS copies FROM result_groups g
       CROSS JOIN LATERAL jsonb_to_recordset(g.work) AS line (agent text, computation bigint, verification bigint)
       WHERE g.job_id = $1 GROUP BY line.agent`,
      [row.id],
    )
    const liarsKey = sha256Hex(await liar.publicKey())
    expect(Number(rows.find((line) => line.agent === liarsKey)?.copies ?? 0)).toBe(0)
    const reputation = (await trust.ofAgents([liarsKey])).get(liarsKey)
    expect(reputation?.trust[0]).toMatchObject({ checks: 0, invalid: 1 })
    expect(reputation?.incidents[0]).toMatchObject({ job_id: row.id })
    agent.stop()
    await run
    await hub.close()
  })

  it('let a known agent work alone under adaptive, and state the doubt that this leaves', async () => {
    const hub = await startHub()
    const { row, job } = await submit(sir(4096, 'adaptive', { mode: 'adaptive', epsilon: 1e-4 }))
    await hub.admit(row)
    const agent = await trusted(hub, alice)
    const run = agent.run(alice)
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    const { single = 0, referee = 0 } = done.progress?.by_method ?? {}
    expect(single + referee).toBe(job.plan.shard_count)
    expect(done.progress?.checks.audits).toBe(referee)
    expect((done.progress?.checks.doubt_single ?? 1) / single).toBeLessThan(1e-4)
    agent.stop()
    await run
    await hub.close()
  })
})
