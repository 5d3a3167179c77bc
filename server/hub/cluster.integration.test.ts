import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Contract, Verify } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { jobPrice } from '../../kernel/price.ts'
import { createAgentStore } from '../memory/agent-store.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createCreditStore } from '../memory/credit-store.ts'
import { createJobStore } from '../memory/job-store.ts'
import type { BlobStore, JobRow, OwnerRow } from '../memory/ports.ts'
import { createResultStore } from '../memory/result-store.ts'
import { SAMPLE_TERMS, sampleAccount } from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { createTrustStore } from '../memory/trust-store.ts'
import type { Hub } from './hub.ts'
import { eventually, expectedDigest, TestAgent } from './testing/test-agent.ts'
import { DEAF_BUS, type TestHubs, testHubs } from './testing/test-hubs.ts'

let database: TestDatabase
let folder: string
let blobs: BlobStore
let hubs: TestHubs
const working: { readonly agent: TestAgent; readonly run: Promise<void> }[] = []

beforeAll(async () => {
  database = await createTestDatabase()
  folder = mkdtempSync(path.join(tmpdir(), 'forge-cluster-'))
  blobs = await openFileBlobStore(folder)
})
afterEach(async () => {
  for (const { agent } of working) agent.stop()
  await hubs.close()
  working.length = 0
})
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

const SHARDS = 24
const NEVER = new Promise(() => {})

/** The same job each time: what it computes is computed once. */
const sir = (verify: Verify, policy: object = {}) => ({
  contract: 1,
  op: { name: 'ensemble', version: 1, profile: 'sir.v1' },
  args: {
    ...OPS.get('ensemble@1/sir.v1').example,
    population: 10_000_000,
    days: 128,
    steps_per_day: 8,
    runs: 256 * SHARDS,
  },
  seed: { mode: 'explicit', value: 'several hubs' },
  verify,
  policy,
})

async function submit(contract: object): Promise<{ row: JobRow; job: PreparedJob }> {
  const job = OPS.prepare(contract)
  const price = jobPrice(job.plan, (job.contract as Contract).verify)
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

const jobRow = (id: string) => createJobStore(database, SAMPLE_TERMS).get(id)

async function ended(id: string, state: JobRow['state'] = 'settled'): Promise<JobRow> {
  return await eventually(async () => {
    const row = await jobRow(id)
    if (row?.state === 'failed') throw new Error(JSON.stringify(row.failure))
    return row?.state === state ? row : undefined
  })
}

/** An agent that works for `label` at this hub until the test ends. */
async function work(
  hub: Hub,
  label: string,
  behaviour: Parameters<TestAgent['run']>[1] = {},
): Promise<TestAgent> {
  const agent = new TestAgent(hub, blobs)
  const owner = await sampleAccount(database, label)
  working.push({ agent, run: agent.run(owner, behaviour).catch(() => {}) })
  await eventually(async () => (agent.session === '' ? undefined : true))
  return agent
}

/** The same with a history that lets it work alone. */
async function workTrusted(
  hub: Hub,
  label: string,
  behaviour: Parameters<TestAgent['run']>[1] = {},
): Promise<TestAgent> {
  const agent = new TestAgent(hub, blobs)
  const owner: OwnerRow = await sampleAccount(database, label)
  const id = sha256Hex(await agent.publicKey())
  await createAgentStore(database).enrolled(
    { id, owner_id: owner.id, executor: 'cpu', label: 'known', software: 'test/1', site_id: null },
    [],
  )
  await createTrustStore(database).passed([{ agent: id, executor: 'cpu', valid: 100_000 }])
  working.push({ agent, run: agent.run(owner, behaviour).catch(() => {}) })
  await eventually(async () => (agent.session === '' ? undefined : true))
  return agent
}

interface Durable {
  /** How often each shard is accepted, corrections left out. */
  readonly times: readonly number[]
  /** Shards by the epoch that accepted them. */
  readonly byEpoch: ReadonlyMap<number, number>
}

async function durable(id: string, shards = SHARDS): Promise<Durable> {
  const times = new Array<number>(shards).fill(0)
  const byEpoch = new Map<number, number>()
  for await (const { epoch, runs, is_replacement } of createResultStore(database.pool).load(id)) {
    if (is_replacement) continue
    for (const { first, count } of runs) {
      byEpoch.set(epoch, (byEpoch.get(epoch) ?? 0) + count)
      for (let shard = first; shard < first + count; shard++) times[shard] = (times[shard] ?? 0) + 1
    }
  }
  return { times, byEpoch }
}

/** What the job's charge was divided into; the submitter's account included the sum is nothing. */
async function paid(id: string): Promise<number> {
  const { rows } = await database.pool.query<{ amount: string }>(
    `SELECT coalesce(sum(amount), 0) AS amount FROM credit_transfers WHERE job_id = $1 AND flag = 'posted'`,
    [id],
  )
  return Number(rows[0]?.amount)
}

async function expectWhole({ row, job }: { row: JobRow; job: PreparedJob }): Promise<JobRow> {
  const done = await ended(row.id)
  expect(done.result_digest).toBe(expectedDigest(job))
  const { times } = await durable(row.id)
  expect(times).toEqual(times.map(() => 1))
  expect(done.progress?.accepted).toBe(SHARDS)
  const { computation = 0, verification = 0, referee = 0 } = done.bill ?? {}
  expect(await paid(row.id)).toBe((computation + verification + referee) * (row.shard_price ?? 0))
  return done
}

describe('several hubs of one store', () => {
  it('serve one job together: the digest, the shards and the bill are those of one hub', async () => {
    hubs = testHubs(database, blobs)
    const [first, second] = [await hubs.start(), await hubs.start()]
    const submitted = await submit(sir({ mode: 'quorum', k: 2 }))
    // The first hub's agents wait for those of the second, which are there when the job comes: a hub that is alone claims
    // as far ahead as its agents are fast, perhaps to the end.
    const before = async (lease: number) =>
      lease < 3 ||
      (await eventually(async () => ((await durable(submitted.row.id)).byEpoch.size > 1 ? true : undefined)))
    for (const owner of ['ada 0', 'bob 0']) await work(first.hub, owner, { before })
    for (const owner of ['ada 1', 'bob 1']) await work(second.hub, owner)
    await first.hub.admit(submitted.row)
    const done = await expectWhole(submitted)
    expect(done.bill).toMatchObject({ computation: SHARDS, verification: SHARDS, referee: 0 })
    expect(done.progress).toMatchObject({ owners: 4, copies: 2 * SHARDS, by_method: { quorum: SHARDS } })
    const { byEpoch } = await durable(submitted.row.id)
    expect([...byEpoch.keys()].sort()).toEqual([first.hub.epoch, second.hub.epoch].sort())
  })

  it('serve an adaptive job by three, also when every message between them is lost', async () => {
    hubs = testHubs(database, blobs, DEAF_BUS)
    const all = [await hubs.start(), await hubs.start(), await hubs.start()]
    for (const [at, { hub }] of all.entries()) await workTrusted(hub, `trusted ${at}`)
    const submitted = await submit(sir({ mode: 'adaptive', epsilon: 1e-4 }))
    const [, submittedTo] = all
    await submittedTo?.hub.admit(submitted.row)
    const done = await expectWhole(submitted)
    const { single = 0, referee = 0 } = done.progress?.by_method ?? {}
    expect(single + referee).toBe(SHARDS)
    await eventually(async () =>
      all.every(({ hub }) => hub.progress(submitted.row.id) === undefined) ? true : undefined,
    )
  })

  it('go on with the chunks of a hub that is killed, and nothing is paid twice', async () => {
    hubs = testHubs(database, blobs)
    const [first, second] = [await hubs.start(), await hubs.start()]
    const before = async (lease: number) => lease < 3 || NEVER
    for (const owner of ['ada 0', 'bob 0']) await work(first.hub, owner, { before })
    const submitted = await submit(sir({ mode: 'quorum', k: 2 }))
    await first.hub.admit(submitted.row)
    await eventually(async () => ((await durable(submitted.row.id)).byEpoch.size > 0 ? true : undefined))
    await first.kill()
    for (const owner of ['ada 1', 'bob 1']) await work(second.hub, owner)
    const done = await expectWhole(submitted)
    expect(done.bill).toMatchObject({ computation: SHARDS, verification: SHARDS })
    expect((await durable(submitted.row.id)).byEpoch.size).toBe(2)
  })

  it('finish a job whose finisher is killed', async () => {
    hubs = testHubs(database, blobs)
    let stuck = () => {}
    const isStuck = new Promise<void>((resolve) => {
      stuck = resolve
    })
    const jobs = createJobStore(database, SAMPLE_TERMS)
    const first = await hubs.start({
      jobs: {
        ...jobs,
        settle: () => {
          stuck()
          return new Promise(() => {})
        },
      },
    })
    const second = await hubs.start()
    for (const owner of ['ada 0', 'bob 0']) await work(first.hub, owner)
    const submitted = await submit(sir({ mode: 'quorum', k: 2 }))
    await first.hub.admit(submitted.row)
    await isStuck
    await first.kill()
    // As if the time had passed in which a hub that says nothing is still taken for alive.
    await database.pool.query(`UPDATE hub_beats SET beat_at = now() - interval '1 hour' WHERE epoch = $1`, [
      first.hub.epoch,
    ])
    await expectWhole(submitted)
    expect(second.hub.epoch).toBeGreaterThan(first.hub.epoch)
  })

  it('execute again what rests on the word of an agent that another hub finds wrong', async () => {
    hubs = testHubs(database, blobs, DEAF_BUS)
    const [first, second] = [await hubs.start(), await hubs.start()]
    const submitted = await submit(sir({ mode: 'spotcheck', rate: 1e-9 }))
    await first.hub.admit(submitted.row)
    const shifted = (leaf: Uint8Array) => leaf.with(4 * 14, (leaf[4 * 14] ?? 0) ^ 1)
    const liar = await workTrusted(first.hub, 'mallory', { corrupt: shifted, leases: 3 })
    await eventually(async () => ((await durable(submitted.row.id)).byEpoch.size > 0 ? true : undefined))
    liar.stop()
    // The first hub is gone with all that it knew; the agent is found wrong elsewhere.
    await first.kill()
    await createTrustStore(database).failed([
      { agent: sha256Hex(await liar.publicKey()), executor: 'cpu', reason: 'wrong', job_id: undefined },
    ])
    await workTrusted(second.hub, 'honest')
    const done = await expectWhole(submitted)
    expect(done.progress?.by_method.referee).toBeGreaterThan(0)
    const { rows } = await database.pool.query<{ copies: string }>(
      `SELECT sum(line.computation + line.verification) AS copies FROM result_groups g
       CROSS JOIN LATERAL jsonb_to_recordset(g.work) AS line (agent text, computation bigint, verification bigint)
       WHERE g.job_id = $1 AND line.agent = $2`,
      [submitted.row.id, sha256Hex(await liar.publicKey())],
    )
    expect(Number(rows[0]?.copies)).toBe(0)
  })

  it('show the whole job at each of them, and count agents of all towards what it waits for', async () => {
    hubs = testHubs(database, blobs)
    const [first, second] = [await hubs.start(), await hubs.start()]
    const submitted = await submit(sir({ mode: 'none' }, { min_agents: 2 }))
    await first.hub.admit(submitted.row)
    // One agent at each hub: neither hub has the two that the job waits for.
    await work(first.hub, 'ada', { leases: 2 })
    await work(second.hub, 'bob', { leases: 2 })
    await eventually(async () => {
      const shown = [first.hub, second.hub].map((hub) => hub.room(submitted.row.id))
      const { byEpoch } = await durable(submitted.row.id)
      const accepted = [...byEpoch.values()].reduce((sum, count) => sum + count, 0)
      const isWhole = shown.every(
        (room) => room?.progress.accepted === accepted && room.progress.owners === 2,
      )
      return byEpoch.size === 2 && isWhole ? true : undefined
    })
    const cells = [first.hub, second.hub].map(
      (hub) => hub.room(submitted.row.id)?.grid.cells.match(/a/g)?.length,
    )
    expect(cells[0]).toBe(cells[1])
    await eventually(async () => (first.hub.network().agents === 2 ? true : undefined))
    expect(first.hub.network()).toMatchObject({ agents: 2, owners: 2 })
    expect(await second.hub.cancel(submitted.row.id)).toBe(true)
    expect((await jobRow(submitted.row.id))?.state).toBe('cancelled')
    await eventually(async () => (first.hub.progress(submitted.row.id) === undefined ? true : undefined))
  })

  it('hear of a revoked key and of a job that is cancelled elsewhere from the database alone', async () => {
    hubs = testHubs(database, blobs, DEAF_BUS)
    const [first, second] = [await hubs.start(), await hubs.start()]
    const submitted = await submit(sir({ mode: 'none' }, { min_agents: 9 }))
    await first.hub.admit(submitted.row)
    const agent = await work(second.hub, 'carol')
    await eventually(async () => (second.hub.progress(submitted.row.id) === undefined ? undefined : true))
    const owner = await sampleAccount(database, 'carol')
    expect(await createAgentStore(database).revoke(sha256Hex(await agent.publicKey()), owner.id)).toBe(true)
    await eventually(async () => (second.hub.sessionExists(agent.session) ? undefined : true))
    expect(agent.heard.at(-1)).toEqual({ t: 'ended', reason: 'its owner has revoked this key' })
    expect(await first.hub.cancel(submitted.row.id)).toBe(true)
    await eventually(async () => (second.hub.progress(submitted.row.id) === undefined ? true : undefined))
  })

  it('let one of them at a time serve a job that may stop early, and another one when it is gone', async () => {
    hubs = testHubs(database, blobs)
    const [first, second] = [await hubs.start(), await hubs.start()]
    const contract = {
      contract: 1,
      op: { name: 'mc', version: 1, profile: 'pi.v1' },
      args: { points: 10 * 2 ** 22, convergence: { target: { standard_error: 0.00042 } } },
      seed: { mode: 'explicit', value: 'target' },
      verify: { mode: 'quorum', k: 2 },
    }
    const submitted = await submit(contract)
    for (const owner of ['ada 0', 'bob 0']) await work(first.hub, owner, { leases: 1 })
    await first.hub.admit(submitted.row)
    await eventually(async () => ((await durable(submitted.row.id, 10)).byEpoch.size > 0 ? true : undefined))
    await first.kill()
    for (const owner of ['ada 1', 'bob 1']) await work(second.hub, owner)
    const done = await ended(submitted.row.id)
    expect(done.result_digest).toBe(expectedDigest(submitted.job))
    expect(done.covered_shards).toBeLessThan(10)
    expect((await createCreditStore(database.pool).balance(done.owner_id)).held).toBe(0)
  })
})
