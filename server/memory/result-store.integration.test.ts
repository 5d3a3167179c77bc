import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptedShard } from '../../kernel/acceptance.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { createJobStore } from './job-store.ts'
import type { ResultGroup, ResultStore } from './ports.ts'
import { createResultStore } from './result-store.ts'
import { startChild } from './testing/child.ts'
import {
  SAMPLE_TERMS,
  sampleAccount,
  sampleGroup,
  sampleJob,
  sampleReceipt,
  sampleShards,
} from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'
import { waitsForLock } from './testing/waits-for-lock.ts'

describe('results in PostgreSQL', () => {
  let database: TestDatabase
  let ownerId: string
  beforeAll(async () => {
    database = await createTestDatabase()
    ownerId = (await sampleAccount(database, 'local')).id
  })
  afterAll(() => database.close())

  const newJob = async () => (await createJobStore(database, SAMPLE_TERMS).insert(sampleJob(ownerId))).job.id
  const loaded = async (store: ResultStore, jobId: string) => {
    const groups: ResultGroup[] = []
    for await (const group of store.load(jobId)) groups.push(group)
    return groups
  }
  const shardsOf = (groups: readonly ResultGroup[]) =>
    groups.flatMap(({ runs }) =>
      runs.flatMap(({ first, count }) => Array.from({ length: count }, (_, offset) => first + offset)),
    )

  it('gives back what was committed for a job, in commit order', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const [a, b] = [await newJob(), await newJob()]
    await store.commit(epoch, [sampleGroup(a, sampleShards(40, 3)), sampleGroup(b, sampleShards(0, 2))], [])
    await store.commit(epoch, [sampleGroup(a, sampleShards(10, 2))], [])
    const groups = await loaded(store, a)
    expect(shardsOf(groups)).toEqual([40, 41, 42, 10, 11])
    const [run] = groups[0]?.runs ?? []
    const first = run && acceptedShard(run, 0)
    const [expected] = sampleShards(40, 1)
    expect({ ...first, digest: bytesToHex(first?.digest ?? new Uint8Array()) }).toEqual({
      ...expected,
      digest: bytesToHex(expected?.digest ?? new Uint8Array()),
      leaf: Buffer.from(expected?.leaf ?? []),
    })
    expect(shardsOf(await loaded(store, b))).toEqual([0, 1])
  })

  it('finds single shards without reading rows that cannot hold them', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    for (const first of [0, 100, 200]) {
      await store.commit(epoch, [sampleGroup(jobId, sampleShards(first, 100))], [])
    }
    const spans = await database.pool.query(
      'SELECT first_shard, last_shard FROM result_groups WHERE job_id = $1 ORDER BY seq',
      [jobId],
    )
    expect(spans.rows).toEqual([
      { first_shard: 0, last_shard: 99 },
      { first_shard: 100, last_shard: 199 },
      { first_shard: 200, last_shard: 299 },
    ])
    // A row that is not read cannot be found damaged.
    await database.pool.query(
      'UPDATE result_groups SET packed = $2 WHERE job_id = $1 AND first_shard = 100',
      [jobId, Buffer.from('damaged')],
    )
    const found = await store.find(jobId, [299, 7, 5_000])
    expect([...found.keys()].sort((a, b) => a - b)).toEqual([7, 299])
    expect(bytesToHex(found.get(7)?.digest ?? new Uint8Array())).toBe(
      bytesToHex(sampleShards(7, 1)[0]?.digest ?? new Uint8Array()),
    )
    await expect(store.find(jobId, [150])).rejects.toMatchObject({ code: 'INTERNAL' })
  })

  it('goes on after a restart in a newer epoch, after the older ones', async () => {
    const jobId = await newJob()
    for (const first of [500, 0]) {
      const store = createResultStore(database.pool)
      await store.commit(await store.openEpoch(), [sampleGroup(jobId, sampleShards(first, 2))], [])
    }
    expect(shardsOf(await loaded(createResultStore(database.pool), jobId))).toEqual([500, 501, 0, 1])
  })

  it('cuts a group that is too large for a row, and reads many rows page by page', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const leaf = new Uint8Array(LIMITS.inline_leaf_bytes)
    const shards = sampleShards(0, 10_000).map((shard) => ({ ...shard, leaf }))
    await store.commit(epoch, [sampleGroup(jobId, shards)], [])
    const groups = await loaded(store, jobId)
    expect(groups.length).toBeGreaterThan(8)
    expect(shardsOf(groups)).toEqual(shards.map(({ shard }) => shard))
  })

  it('stores a receipt once, with the agents of the group beside the packed shards', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const receipt = sampleReceipt(jobId, epoch, 'lease-1')
    for (const first of [0, 10])
      await store.commit(epoch, [sampleGroup(jobId, sampleShards(first, 10))], [receipt])
    await store.commit(epoch, [], [sampleReceipt(jobId, epoch, 'lease-2')])
    const receipts = await database.prisma.receipts.findMany({
      where: { job_id: jobId },
      orderBy: { lease_id: 'asc' },
    })
    expect(receipts.map(({ lease_id }) => lease_id)).toEqual(['lease-1', 'lease-2'])
    expect(receipts[0]).toMatchObject({ agent: receipt.agent, receipt: receipt.receipt })
    expect(bytesToHex(receipts[0]?.signature ?? new Uint8Array())).toBe(bytesToHex(receipt.signature))
    const [group] = await database.prisma.result_groups.findMany({ where: { job_id: jobId } })
    expect(group).toMatchObject({
      shard_count: 10,
      agents: sampleShards(0, 1)[0]?.copies.map(({ agent }) => agent),
    })
  })

  it('stores a repeated commit once', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const groups = [sampleGroup(jobId, sampleShards(0, 5))]
    await store.commit(epoch, groups, [])
    await store.commit(epoch, groups, [])
    expect(shardsOf(await loaded(store, jobId))).toEqual([0, 1, 2, 3, 4])
  })

  it('stores all of a commit or nothing', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const unknown = '00000000-0000-4000-8000-000000000000'
    const groups = [jobId, unknown].map((job_id) => sampleGroup(job_id, sampleShards(0, 5)))
    await expect(store.commit(epoch, groups, [])).rejects.toThrow(/foreign key/)
    expect(await loaded(store, jobId)).toEqual([])
  })

  it('refuses the commits of an older hub, empty ones too', async () => {
    const [older, newer] = [createResultStore(database.pool), createResultStore(database.pool)]
    const olderEpoch = await older.openEpoch()
    const newerEpoch = await newer.openEpoch()
    expect(newerEpoch).toBeGreaterThan(olderEpoch)
    const jobId = await newJob()
    const groups = [sampleGroup(jobId, sampleShards(0, 5))]
    await expect(
      older.commit(olderEpoch, groups, [sampleReceipt(jobId, olderEpoch, 'l')]),
    ).rejects.toMatchObject({
      code: 'CONFLICT',
    })
    await expect(older.commit(olderEpoch, [], [])).rejects.toMatchObject({ code: 'CONFLICT' })
    await expect(older.commit(newerEpoch, groups, [])).rejects.toMatchObject({ code: 'CONFLICT' })
    expect(await loaded(newer, jobId)).toEqual([])
    expect(await database.prisma.receipts.count({ where: { job_id: jobId } })).toBe(0)
  })

  it('refuses a commit that waits while a newer hub opens its epoch', async () => {
    const older = createResultStore(database.pool)
    const epoch = await older.openEpoch()
    const jobId = await newJob()
    const newer = await database.pool.connect()
    await newer.query('BEGIN')
    await newer.query('UPDATE hub_fence SET epoch = epoch + 1')
    const commit = older.commit(epoch, [sampleGroup(jobId, sampleShards(0, 5))], []).then(
      () => 'stored',
      (error: { code: string }) => error.code,
    )
    await waitsForLock(database, 1)
    await newer.query('COMMIT')
    newer.release()
    expect(await commit).toBe('CONFLICT')
    expect(await loaded(older, jobId)).toEqual([])
  })

  it('lets a newer hub wait for a commit under way, which then is part of what it finds', async () => {
    const older = createResultStore(database.pool)
    const epoch = await older.openEpoch()
    const jobId = await newJob()
    // A lock on the job holds the commit in its middle: the fence is passed, the rows wait for the foreign key.
    const blocker = await database.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId])
    const commit = older.commit(epoch, [sampleGroup(jobId, sampleShards(0, 5))], [])
    await waitsForLock(database, 1)
    const newer = createResultStore(database.pool)
    const found = newer.openEpoch().then(() => loaded(newer, jobId))
    await waitsForLock(database, 2)
    await blocker.query('COMMIT')
    blocker.release()
    await commit
    expect(shardsOf(await found)).toEqual([0, 1, 2, 3, 4])
  })

  it('keeps exactly-once order under many commits and many new epochs at once', async () => {
    const jobId = await newJob()
    const acknowledged: number[] = []
    let fencedCount = 0
    const hub = async (first: number) => {
      const store = createResultStore(database.pool)
      const epoch = await store.openEpoch()
      for (let shard = first; shard < first + 40; shard++) {
        try {
          await store.commit(epoch, [sampleGroup(jobId, sampleShards(shard, 1))], [])
          acknowledged.push(shard)
        } catch (error) {
          expect(error).toMatchObject({ code: 'CONFLICT' })
          fencedCount++
          return
        }
      }
    }
    for (let at = 0; at < 5; at++) await Promise.all([hub(at * 100), hub(at * 100 + 50)])
    expect(fencedCount).toBeGreaterThan(0)
    const stored = shardsOf(await loaded(createResultStore(database.pool), jobId))
    expect(stored.toSorted((a, b) => a - b)).toEqual(acknowledged.toSorted((a, b) => a - b))
  })

  it('keeps every acknowledged commit of a process that is killed', async () => {
    const jobId = await newJob()
    const child = startChild(new URL('./testing/commit-until-killed.ts', import.meta.url), [
      database.url,
      jobId,
    ])
    let acknowledged = 0
    while (acknowledged < 2000) acknowledged = Number(await child.line())
    await child.kill()
    const shards = shardsOf(await loaded(createResultStore(database.pool), jobId))
    // What was under way at the end may be there as well, but only as whole groups.
    expect(shards.length).toBeGreaterThanOrEqual(acknowledged)
    expect(shards.length % 50).toBe(0)
    expect(shards).toEqual(shards.map((_, at) => at))
  })
})
