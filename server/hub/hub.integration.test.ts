import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hexToBytes, sha256Hex } from '../../kernel/digest.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { jobPrice } from '../../kernel/price.ts'
import { createAgentStore } from '../memory/agent-store.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createJobStore } from '../memory/job-store.ts'
import type { AgentStore, BlobStore, JobRow } from '../memory/ports.ts'
import { createResultStore } from '../memory/result-store.ts'
import { SAMPLE_TERMS, sampleAccount } from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createTrustStore } from '../memory/trust-store.ts'
import { Hub } from './hub.ts'
import { once } from './job-runtime.ts'
import type { Referee } from './referee/referee.ts'
import { referenceReferee } from './referee/reference-referee.test-support.ts'
import { type Behaviour, eventually, expectedDigest, TestAgent } from './testing/test-agent.ts'

let database: TestDatabase
let folder: string
let blobs: BlobStore

beforeAll(async () => {
  database = await createTestDatabase()
  folder = mkdtempSync(path.join(tmpdir(), 'forge-hub-'))
  blobs = await openFileBlobStore(folder)
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

const referee = referenceReferee

async function startHub(
  judge: Referee = referee(),
  onFatal: (error: Error) => void = () => {},
  agents: AgentStore = createAgentStore(database),
): Promise<Hub> {
  return await Hub.start({
    jobs: createJobStore(database, SAMPLE_TERMS),
    results: createResultStore(database.pool),
    blobs,
    agents,
    trust: createTrustStore(database),
    referee: judge,
    houseAgent: false,
    listener: { jobChanged() {}, networkChanged() {} },
    log: () => {},
    fatal: onFatal,
  })
}

let submissions = 0
async function submit(contract: object): Promise<{ row: JobRow; job: PreparedJob }> {
  const job = OPS.prepare(contract)
  const price = jobPrice(job.plan, { mode: 'quorum', k: 2 })
  const owner = await sampleAccount(database, 'submitter')
  const id = `00000000-0000-4000-8000-${String(++submissions).padStart(12, '0')}`
  const { job: row } = await createJobStore(database, SAMPLE_TERMS).insert({
    id,
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

const gbm = (paths: number, seed: string) => ({
  contract: 1,
  op: { name: 'mc', version: 1, profile: 'gbm.v1' },
  args: { ...OPS.get('mc@1/gbm.v1').example, steps: 512, paths },
  seed: { mode: 'explicit', value: seed },
  verify: { mode: 'quorum', k: 2 },
})

async function settled(id: string): Promise<JobRow> {
  return await eventually(async () => {
    const row = await createJobStore(database, SAMPLE_TERMS).get(id)
    return row?.state === 'settled' ? row : undefined
  })
}

/** An agent of the hub, and of a person by name. */
const newAgent = (hub: Hub) => {
  const agent = new TestAgent(hub, blobs)
  return Object.assign(agent, {
    runFor: async (owner: string, behaviour?: Behaviour) =>
      agent.run(await sampleAccount(database, owner), behaviour),
  })
}

describe('the hub', () => {
  it('settles a job that two owners agree on, with the digest that one machine computes', async () => {
    const hub = await startHub()
    const { row, job } = await submit(gbm(20_000, 'agree'))
    await hub.admit(row)
    const agents = [newAgent(hub), newAgent(hub)]
    const runs = [agents[0]?.runFor('alice'), agents[1]?.runFor('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress).toMatchObject({
      accepted: job.plan.shard_count,
      copies: 2 * job.plan.shard_count,
      owners: 2,
      by_method: { quorum: job.plan.shard_count, single: 0, referee: 0 },
    })
    const { rows: receipts } = await database.pool.query('SELECT 1 FROM receipts WHERE job_id = $1', [row.id])
    expect(receipts.length).toBeGreaterThanOrEqual(2)
    for (const agent of agents) agent.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('goes on after a crash with what was accepted, and gives the same digest; the crashed hub cannot write any more', async () => {
    const fatal: Error[] = []
    const first = await startHub(referee(), (error) => fatal.push(error))
    const { row, job } = await submit(gbm(48_000, 'crash'))
    await first.admit(row)
    const early = [newAgent(first), newAgent(first)]
    const earlyRuns = [early[0]?.runFor('alice', { leases: 2 }), early[1]?.runFor('bob', { leases: 2 })]
    await eventually(async () => ((first.progress(row.id)?.accepted ?? 0) > 0 ? true : undefined))

    const second = await startHub()
    const resumed = second.progress(row.id)?.accepted ?? 0
    expect(resumed).toBeGreaterThan(0)
    expect(resumed).toBeLessThan(job.plan.shard_count)
    const late = [newAgent(second), newAgent(second)]
    const lateRuns = [late[0]?.runFor('alice'), late[1]?.runFor('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(done.progress?.accepted).toBe(job.plan.shard_count)

    const { row: other } = await submit(gbm(2000, 'stale'))
    await first.admit(other)
    const stale = [newAgent(first), newAgent(first)]
    const staleRuns = [stale[0]?.runFor('alice'), stale[1]?.runFor('bob')]
    await eventually(async () => (fatal.length > 0 ? true : undefined))
    expect(fatal[0]).toMatchObject({ code: 'CONFLICT' })
    for (const agent of [...early, ...late, ...stale]) agent.stop()
    await Promise.all([...earlyRuns, ...lateRuns, ...staleRuns])
    await first.close()
    await second.close()
  })

  it('does not hand what a pausing agent gives back to that agent again', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(20_000, 'pause'))
    await hub.admit(row)
    const pausing = newAgent(hub)
    const run = pausing.runFor('alice', { leases: 0 })
    const held = () => pausing.heard.flatMap((message) => (message.t === 'lease' ? [message.lease_id] : []))
    await eventually(async () => (held().length > 0 ? true : undefined))
    expect(hub.progress(row.id)?.in_flight).toBeGreaterThan(0)
    await hub.release({ session: pausing.session, lease_ids: held(), reason: 'paused' })
    expect(hub.progress(row.id)?.in_flight).toBe(0)
    pausing.stop()
    await run
    await hub.cancel(row.id)
    await hub.close()
  })

  it('ends the sessions of a revoked key, which hear why, and enrols it no more', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(20_000, 'revoked'))
    await hub.admit(row)
    const [revoked, other] = [newAgent(hub), newAgent(hub)]
    const run = revoked.runFor('alice', { leases: 0 })
    const otherRun = other.runFor('bob', { leases: 0 })
    await eventually(async () => (revoked.heard.length > 0 && other.heard.length > 0 ? true : undefined))
    const owner = await sampleAccount(database, 'alice')
    const key = hub.agents(owner.id).find((agent) => agent.owner === 'alice')?.id ?? ''
    expect(await createAgentStore(database).revoke(key, owner.id)).toBe(true)
    expect(hub.endAgentSessions(({ agent }) => agent === key, 'its owner has revoked this key')).toBe(1)
    await run
    expect(revoked.heard.at(-1)).toEqual({ t: 'ended', reason: 'its owner has revoked this key' })
    expect(hub.agents()).toHaveLength(1)
    expect(hub.agents()[0]?.id).not.toBe(key)
    expect(hub.sessionExists(revoked.session)).toBe(false)
    await expect(revoked.runFor('alice')).rejects.toMatchObject({
      code: 'FORBIDDEN',
      message: expect.stringContaining('revoked'),
    })
    expect(hub.agents()).toHaveLength(1)
    other.stop()
    await otherRun
    await hub.cancel(row.id)
    await hub.close()
  })

  it('refuses a key that is revoked while it enrols', async () => {
    const agents = createAgentStore(database)
    let revoke = () => {}
    const hub = await startHub(referee(), () => {}, {
      ...agents,
      async enrolled(agent, probe) {
        const stored = await agents.enrolled(agent, probe)
        revoke()
        return stored
      },
    })
    revoke = () => void hub.endAgentSessions(() => true, 'revoked')
    await expect(newAgent(hub).runFor('alice')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    expect(hub.agents()).toEqual([])
    await hub.close()
  })

  it('lets the referee decide a disagreement, and shuts the wrong agent out', async () => {
    const judge = referee()
    const hub = await startHub(judge)
    const { row, job } = await submit(gbm(2000, 'liar'))
    await hub.admit(row)
    // Adds the same to a payoff sum and nothing else: every invariant of a single leaf still holds.
    const corrupt = (leaf: Uint8Array) => {
      const copy = leaf.slice()
      copy[48] = (copy[48] ?? 0) ^ 1
      return copy
    }
    const liar = newAgent(hub)
    const honest = newAgent(hub)
    const runs = [liar.runFor('mallory', { corrupt }), honest.runFor('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job))
    expect(judge.runs).toBeGreaterThan(0)
    expect(liar.heard.some((message) => message.t === 'rejected')).toBe(true)
    liar.stop()
    honest.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('refuses a result whose receipt does not fit, and takes no more from that agent', async () => {
    const hub = await startHub()
    const { row } = await submit(gbm(2000, 'receipt'))
    await hub.admit(row)
    const forger = newAgent(hub)
    const run = forger.runFor('mallory', { badSignatureFrom: 1 })
    await eventually(async () =>
      forger.heard.some((message) => message.t === 'rejected') ? true : undefined,
    )
    expect(hub.progress(row.id)).toMatchObject({ accepted: 0, in_flight: 0 })
    expect(await hub.cancel(row.id)).toBe(true)
    expect((await createJobStore(database, SAMPLE_TERMS).get(row.id))?.state).toBe('cancelled')
    forger.stop()
    await run
    await hub.close()
  })

  it('multiplies matrices whose tiles travel as blobs', async () => {
    const hub = await startHub()
    const a = new Uint8Array(300 * 70).map((_, index) => (index * 31) % 256)
    const b = new Uint8Array(70 * 260).map((_, index) => (index * 17) % 256)
    for (const operand of [a, b]) await blobs.put(once(operand))
    const { row, job } = await submit({
      contract: 1,
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: {
        a: { digest: sha256Hex(a), dtype: 'int8', shape: [300, 70] },
        b: { digest: sha256Hex(b), dtype: 'int8', shape: [70, 260] },
      },
      seed: { mode: 'derived' },
      verify: { mode: 'quorum', k: 2 },
    })
    await hub.admit(row)
    const inputs = new Map([
      ['a', a],
      ['b', b],
    ])
    const agents = [newAgent(hub), newAgent(hub)]
    const runs = [agents[0]?.runFor('alice'), agents[1]?.runFor('bob')]
    const done = await settled(row.id)
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
    const [artifact] = done.artifacts
    expect(artifact).toMatchObject({ name: 'c', dtype: 'int32', shape: [300, 260], bytes: 4 * 300 * 260 })
    expect(await blobs.stat(artifact?.digest ?? '')).toMatchObject({ bytes: 4 * 300 * 260 })
    expect(hexToBytes(artifact?.digest ?? '')).toHaveLength(32)
    for (const agent of agents) agent.stop()
    await Promise.all(runs)
    await hub.close()
  })

  it('fails a job whose stored contract no longer prepares, instead of stopping the hub', async () => {
    const { row } = await submit(gbm(2000, 'broken'))
    await database.pool.query(`UPDATE jobs SET contract = '{"contract":9}' WHERE id = $1`, [row.id])
    const hub = await startHub()
    await eventually(async () =>
      (await createJobStore(database, SAMPLE_TERMS).get(row.id))?.state === 'failed' ? true : undefined,
    )
    await hub.close()
  })
})
