import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { jobPrice } from '../../kernel/price.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createJobStore } from '../memory/job-store.ts'
import type { BlobStore, JobRow } from '../memory/ports.ts'
import { createResultStore } from '../memory/result-store.ts'
import { SAMPLE_TERMS, sampleAccount } from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { readBlob } from './intake.ts'
import { once } from './job-runtime.ts'
import { eventually, expectedDigest, TestAgent } from './testing/test-agent.ts'
import { type TestHubs, testHubs } from './testing/test-hubs.ts'

/** Jobs whose stored data cannot be read while a hub starts, or when they are submitted. */

let database: TestDatabase
let folder: string
let blobs: BlobStore
let hubs: TestHubs

beforeAll(async () => {
  database = await createTestDatabase()
  folder = mkdtempSync(path.join(tmpdir(), 'forge-admission-'))
  blobs = await openFileBlobStore(folder)
})
afterEach(() => hubs.close())
afterAll(async () => {
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

interface Submitted {
  readonly row: JobRow
  readonly job: PreparedJob
  readonly inputs: ReadonlyMap<string, Uint8Array>
}

let products = 0
/** Four tiles, whose bytes are blobs; another product each time. */
async function submit(): Promise<Submitted> {
  const salt = ++products
  const a = new Uint8Array(300 * 70).map((_, index) => (index * 31 + salt) % 256)
  const b = new Uint8Array(70 * 260).map((_, index) => (index * 17) % 256)
  for (const operand of [a, b]) await blobs.put(once(operand))
  const job = OPS.prepare({
    contract: 1,
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: {},
    inputs: {
      a: { digest: sha256Hex(a), dtype: 'int8', shape: [300, 70] },
      b: { digest: sha256Hex(b), dtype: 'int8', shape: [70, 260] },
    },
    seed: { mode: 'derived' },
    verify: { mode: 'none' },
  })
  const price = jobPrice(job.plan, job.contract.verify)
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
  return {
    row,
    job,
    inputs: new Map([
      ['a', a],
      ['b', b],
    ]),
  }
}

const stored = (id: string) => createJobStore(database, SAMPLE_TERMS).get(id)

async function ended(id: string): Promise<JobRow> {
  return await eventually(async () => {
    const row = await stored(id)
    return row?.finished_at == null ? undefined : row
  })
}

async function work(hub: ConstructorParameters<typeof TestAgent>[0], leases?: number): Promise<TestAgent> {
  const agent = new TestAgent(hub, blobs)
  const run = agent.run(await sampleAccount(database, 'worker'), leases === undefined ? {} : { leases })
  run.catch(() => {})
  await eventually(async () => (agent.session === '' ? undefined : true))
  return agent
}

/** A job of which one tile is accepted, whose blob is gone. @returns what puts the blob back */
async function begunWithBlobAway(): Promise<
  Submitted & { readonly digest: string; readonly bringBack: () => Promise<void> }
> {
  const submitted = await submit()
  const { row } = submitted
  const { hub } = await hubs.start({ leaseShards: 1 })
  await hub.admit(row)
  const agent = await work(hub, 1)
  await eventually(async () => (hub.progress(row.id)?.accepted === 1 ? true : undefined))
  agent.stop()
  await hub.close()
  for await (const { runs } of createResultStore(database.pool).load(row.id)) {
    const digest = bytesToHex(runs[0]?.digests ?? new Uint8Array())
    const bytes = await readBlob(blobs, digest)
    await blobs.remove(digest)
    return { ...submitted, digest, bringBack: async () => void (await blobs.put(once(bytes))) }
  }
  throw new Error('nothing was accepted')
}

describe('a job that cannot be admitted now', () => {
  it('waits while a blob is away, says why, and goes on when it is back: the hub starts all the same', async () => {
    hubs = testHubs(database, blobs)
    const { row, job, inputs, digest, bringBack } = await begunWithBlobAway()
    const { row: other } = await submit()
    const { hub } = await hubs.start()
    expect(hub.waiting(row.id)).toEqual({ t: 'unreadable', reason: `there is no blob ${digest}` })
    expect(hub.progress(row.id)).toBeUndefined()
    await work(hub)
    expect((await ended(other.id)).state).toBe('settled')
    expect((await stored(row.id))?.failure).toBeNull()
    await bringBack()
    const done = await ended(row.id)
    expect(done.state).toBe('settled')
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
    expect(done.progress?.accepted).toBe(job.plan.shard_count)
    expect(hub.waiting(row.id)).toBeUndefined()
  })

  it('can be cancelled while it waits: what is durable is paid, and the other hubs let go of it', async () => {
    hubs = testHubs(database, blobs)
    const { row, bringBack } = await begunWithBlobAway()
    const letGo: [string, string][] = []
    const listener = {
      jobChanged() {},
      networkChanged() {},
      jobLetGo: (...said: [string, string]) => void letGo.push(said),
    }
    const [first, second] = [await hubs.start(), await hubs.start({ listener })]
    expect(second.hub.waiting(row.id)).toMatchObject({ t: 'unreadable' })
    expect(await first.hub.cancel(row.id)).toBe(true)
    expect(await stored(row.id)).toMatchObject({
      state: 'cancelled',
      bill: { computation: 1 },
      failure: null,
    })
    expect(first.hub.waiting(row.id)).toBeUndefined()
    await eventually(async () => (second.hub.waiting(row.id) === undefined ? true : undefined))
    expect(letGo).toEqual([[row.id, 'cancelled']])
    expect(await second.hub.cancel(row.id)).toBe(false)
    await bringBack()
  })

  it('keeps the pause that its owner gave it meanwhile', async () => {
    hubs = testHubs(database, blobs)
    const { row, bringBack } = await begunWithBlobAway()
    const { hub } = await hubs.start()
    await createJobStore(database, SAMPLE_TERMS).setPaused(row.id, true)
    hub.pause(row.id, true)
    await bringBack()
    await eventually(async () => (hub.waiting(row.id)?.t === 'paused' ? true : undefined))
    expect(await hub.cancel(row.id)).toBe(true)
  })

  it('is submitted all the same while the store of results does not answer, and is done later', async () => {
    hubs = testHubs(database, blobs)
    const results = createResultStore(database.pool)
    let failures = 2
    const { hub } = await hubs.start({
      results: {
        ...results,
        async *load(...given: Parameters<typeof results.load>) {
          if (failures-- > 0) throw new Error('Connection terminated unexpectedly')
          yield* results.load(...given)
        },
      },
    })
    const { row, job, inputs } = await submit()
    await hub.admit(row)
    expect(hub.waiting(row.id)).toEqual({ t: 'unreadable' })
    await work(hub)
    const done = await ended(row.id)
    expect(done.state).toBe('settled')
    expect(done.result_digest).toBe(expectedDigest(job, inputs))
  })

  it('fails for good with its reason where the job itself is at fault, and its watchers hear of it', async () => {
    hubs = testHubs(database, blobs)
    const { row } = await submit()
    await database.pool.query(`UPDATE jobs SET contract = '{"contract":9}' WHERE id = $1`, [row.id])
    const letGo: [string, string][] = []
    const { hub } = await hubs.start({
      listener: {
        jobChanged() {},
        networkChanged() {},
        jobLetGo: (...said: [string, string]) => void letGo.push(said),
      },
    })
    const done = await ended(row.id)
    expect(done).toMatchObject({ state: 'failed', failure: { code: 'CONTRACT_INVALID', retryable: false } })
    await eventually(async () => (letGo.length > 0 ? true : undefined))
    expect(letGo).toEqual([[row.id, 'failed']])
    expect(hub.waiting(row.id)).toBeUndefined()
  })
})
