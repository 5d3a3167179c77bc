import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JobState } from '../../kernel/api.ts'
import type { ContractInput } from '../../kernel/contract.ts'
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
  folder = mkdtempSync(path.join(tmpdir(), 'forge-scheduling-'))
  blobs = await openFileBlobStore(folder)
  trust = createTrustStore(database)
  alice = await sampleAccount(database, 'alice')
  bob = await sampleAccount(database, 'bob')
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

const jobs = () => createJobStore(database, SAMPLE_TERMS)

async function startHub(leaseShards = 4096): Promise<Hub> {
  return await Hub.start({
    jobs: jobs(),
    results: createResultStore(database.pool),
    blobs,
    agents: createAgentStore(database),
    trust,
    chunks: sharedChunks(database).chunks,
    referee: referenceReferee(),
    leaseKey: async () => LEASE_KEY,
    houseAgent: false,
    leaseShards,
    listener: { jobChanged() {}, networkChanged() {} },
    log: () => {},
    fatal: () => {},
  })
}

async function submit(contract: ContractInput): Promise<{ row: JobRow; job: PreparedJob }> {
  const job = OPS.prepare(contract)
  const price = jobPrice(job.plan, job.contract.verify)
  const owner = await sampleAccount(database, 'submitter')
  const { job: row } = await jobs().insert({
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

const sir = (
  runs: number,
  seed: string,
  more: Pick<ContractInput, 'verify'> & Partial<Pick<ContractInput, 'policy'>>,
): ContractInput => ({
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
  ...more,
})

/** A part of the plane where every point escapes at once: many shards, none of which takes a millisecond. */
const farAway = (seed: string, more: Pick<ContractInput, 'verify'>): ContractInput => ({
  contract: 1,
  op: { name: 'media', version: 1, profile: 'mandelbrot.v1' },
  args: { center_re: 2.5, center_im: 2.5, span: 0.1, width: 256, height: 128, max_iterations: 32_000 },
  seed: { mode: 'explicit', value: seed },
  ...more,
})

async function inState(id: string, state: JobState): Promise<JobRow> {
  return await eventually(async () => {
    const row = await jobs().get(id)
    expect(row?.state).not.toBe('failed')
    return row?.state === state ? row : undefined
  })
}

const none = { mode: 'none' } as const

describe('scheduling on a real store', () => {
  it('leases a job to those alone who chose its cause, as many as its policy asks for, and says why it waits', async () => {
    const hub = await startHub()
    const { row, job } = await submit(sir(4000, 'cause', { verify: none, policy: { min_agents: 2 } }))
    await hub.admit(row)
    const [other, one, two] = [0, 1, 2].map(() => new TestAgent(hub, blobs))
    void other?.run(bob, { causes: ['mc', 'tensor'] })
    await eventually(async () => (hub.network().agents === 1 ? true : undefined))
    expect(hub.waiting(row.id)).toMatchObject({ t: 'nobody', cause: 'ensemble' })
    void one?.run(alice, { causes: ['ensemble'] })
    await eventually(async () => (hub.waiting(row.id)?.t === 'few' ? true : undefined))
    expect(one?.heard).toEqual([])
    void two?.run(bob)
    const done = await inState(row.id, 'settled')
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(other?.heard).toEqual([])
    await hub.close()
  })

  it('has no more agents at work than the policy allows', async () => {
    const hub = await startHub(1)
    const { row } = await submit(sir(4000, 'most', { verify: none, policy: { max_agents: 1 } }))
    const [one, two] = [new TestAgent(hub, blobs), new TestAgent(hub, blobs)]
    // It takes a lease and never answers: it is the one.
    void one.run(alice, { leases: 0 })
    await eventually(async () => (hub.network().agents === 1 ? true : undefined))
    await hub.admit(row)
    await eventually(async () => (one.heard.length > 0 ? true : undefined))
    void two.run(bob)
    await eventually(async () => (hub.network().agents === 2 ? true : undefined))
    expect(two.heard).toEqual([])
    one.stop()
    hub.endAgentSessions(({ ownerId }) => ownerId === alice.id, 'the test is over')
    await inState(row.id, 'settled')
    expect(two.heard.length).toBeGreaterThan(0)
    await hub.close()
  })

  it('ends a job that nobody can do at its time limit, and releases what was held', async () => {
    const hub = await startHub()
    const contract = sir(100, 'timeout', { verify: none, policy: { target: 'gpu', timeout_ms: 1000 } })
    const { row } = await submit(contract)
    const agent = new TestAgent(hub, blobs)
    void agent.run(alice)
    await hub.admit(row)
    const done = await inState(row.id, 'expired')
    expect(done.bill).toEqual({ computation: 0, verification: 0, referee: 0 })
    expect(agent.heard).toEqual([])
    await hub.close()
  })

  it('keeps a paused job paused across a restart, and finishes it when it is resumed', async () => {
    const first = await startHub(1)
    const { row, job } = await submit(sir(4000, 'pause', { verify: none }))
    await first.admit(row)
    const agent = new TestAgent(first, blobs)
    void agent.run(alice, { leases: 1 })
    await eventually(async () => (agent.heard.some(({ t }) => t === 'accepted') ? true : undefined))
    expect(await jobs().setPaused(row.id, true)).toBe(true)
    first.pause(row.id, true)
    expect(first.waiting(row.id)).toEqual({ t: 'paused' })
    agent.stop()
    await first.close()

    const second = await startHub(1)
    const next = new TestAgent(second, blobs)
    void next.run(bob)
    await eventually(async () => (second.network().agents === 1 ? true : undefined))
    expect(next.heard).toEqual([])
    expect(second.waiting(row.id)).toEqual({ t: 'paused' })
    expect(await jobs().setPaused(row.id, false)).toBe(true)
    second.pause(row.id, false)
    expect((await inState(row.id, 'settled')).result_digest).toBe(expectedDigest(job))
    expect(await jobs().setPaused(row.id, true)).toBe(false)
    await second.close()
  })

  it('asks an agent on probation what it knows, keeps the answers out of the job, and lets the network pay', async () => {
    const hub = await startHub(2)
    const suspect = new TestAgent(hub, blobs)
    const id = sha256Hex(await suspect.publicKey())
    await createAgentStore(database).enrolled(
      { id, owner_id: bob.id, executor: 'cpu', label: 'suspect', software: 'test/1', site_id: null },
      [],
    )
    await trust.failed([{ agent: id, executor: 'cpu', reason: 'it was wrong before', job_id: undefined }])
    expect(await trust.appeal(id, 'cpu')).toBe(true)
    void suspect.run(bob)
    void new TestAgent(hub, blobs).run(alice)
    // One lease in ten is a canary, by the hub's secret dice: it may take more than one job.
    for (let round = 0; ; round++) {
      const verify = { mode: 'spotcheck', rate: 1 } as const
      const { row, job } = await submit(farAway(`canary ${round}`, { verify }))
      await hub.admit(row)
      const done = await inState(row.id, 'settled')
      expect(done.result_digest).toBe(expectedDigest(job))
      expect(done.progress?.accepted).toBe(job.plan.shard_count)
      const answers = await database.prisma.canary_answers.findMany({ where: { job_id: row.id } })
      expect(done.progress?.checks).toMatchObject({ canaries: answers.length, canaries_bad: 0 })
      if (answers.length === 0) continue
      expect(new Set(answers.map(({ agent }) => agent))).toEqual(new Set([id]))
      const paid = await database.prisma.credit_transfers.findMany({
        where: { job_id: row.id, debit_account: 'network', code: 'contribution' },
      })
      expect(paid.map(({ credit_account }) => credit_account)).toEqual([`owner:${bob.id}`])
      break
    }
    await hub.close()
  })
})
