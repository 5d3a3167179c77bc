import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { acceptedShard } from '../../kernel/acceptance.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { createChunkStore } from './chunk-store.ts'
import { createJobStore } from './job-store.ts'
import type { ResultGroup, ResultStore } from './ports/results.ts'
import { createResultStore } from './result-store.ts'
import { startChild } from './testing/child.ts'
import {
  claimSample,
  SAMPLE_CLAIM,
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

  const newJob = async () => {
    const { job } = await createJobStore(database, SAMPLE_TERMS).insert(sampleJob(ownerId))
    await claimSample(database, job.id)
    return job.id
  }
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

  it('gives back the groups of some agents without reading others', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const key = (number: number) => String(number).padStart(64, '0')
    // Half of each group are of one agent.
    const shards = sampleShards(0, 300).map((shard) => ({
      ...shard,
      copies: [
        { agent: key(shard.shard % 2 === 0 ? 0 : shard.shard), owner: ownerId, executor: 'cpu' as const },
      ],
    }))
    for (const first of [0, 100, 200])
      await store.commit(epoch, [sampleGroup(jobId, shards.slice(first, first + 100))], [])
    await database.pool.query(
      'UPDATE result_groups SET packed = $2 WHERE job_id = $1 AND first_shard = 100',
      [jobId, Buffer.from('damaged')],
    )
    const of = async (agents: readonly string[], from = 0) => {
      const rows: number[] = []
      for await (const { runs } of store.loadOf(jobId, agents, ({ seq }) => seq >= from))
        rows.push(Math.min(...runs.map(({ first }) => first)))
      return rows
    }
    expect(await of([key(271), key(61), key(1000)])).toEqual([0, 200])
    expect(await of([key(271), key(61)], 2)).toEqual([200])
    expect(await of([])).toEqual([])
    await expect(of([key(0)])).rejects.toMatchObject({ code: 'INTERNAL' })
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
    const groups = [sampleGroup(jobId, sampleShards(0, 5))]
    const receipts = [sampleReceipt(unknown, epoch, 'lease')]
    await expect(store.commit(epoch, groups, receipts)).rejects.toThrow(/foreign key/)
    expect(await loaded(store, jobId)).toEqual([])
  })

  it('gives every hub an epoch of its own, and takes commits under each', async () => {
    const [older, newer] = [createResultStore(database.pool), createResultStore(database.pool)]
    const olderEpoch = await older.openEpoch()
    const newerEpoch = await newer.openEpoch()
    expect(newerEpoch).toBeGreaterThan(olderEpoch)
    const jobId = await newJob()
    await newer.commit(newerEpoch, [sampleGroup(jobId, sampleShards(5, 5))], [])
    await older.commit(olderEpoch, [sampleGroup(jobId, sampleShards(0, 5))], [])
    expect(shardsOf(await loaded(newer, jobId))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    await expect(older.commit(newerEpoch, [], [])).rejects.toMatchObject({ code: 'CONFLICT' })
    await database.pool.query('DELETE FROM hub_epochs WHERE epoch = $1', [olderEpoch])
    await expect(older.commit(olderEpoch, [], [])).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  it('refuses the groups whose claims are over, and stores the others of the commit with all receipts', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const [a, b] = [await newJob(), await newJob()]
    const chunks = createChunkStore(database.pool)
    await chunks.publish({ job_id: a, shard_count: 1000, chunk_shards: 100 }, [])
    const claim = async () => {
      const wish = { job_id: a, holder: epoch, wanted: 1, lease_ms: 60_000, among: [3] }
      const [row] = (await chunks.claim(wish)).chunks
      return { chunk: 3, epoch: row?.epoch ?? 0 }
    }
    // Nobody of that epoch lives: the chunk can be claimed again at once.
    const [lost, present] = [await claim(), await claim()]
    const groups = [
      sampleGroup(a, sampleShards(300, 5), lost),
      sampleGroup(a, sampleShards(310, 5), present),
      sampleGroup(b, sampleShards(0, 5)),
    ]
    expect(await store.commit(epoch, groups, [sampleReceipt(a, epoch, 'l')])).toEqual([groups[0]])
    expect(shardsOf(await loaded(store, a))).toEqual([310, 311, 312, 313, 314])
    expect(shardsOf(await loaded(store, b))).toEqual([0, 1, 2, 3, 4])
    expect(await database.prisma.receipts.count({ where: { job_id: a } })).toBe(1)
    expect(await store.durable(a, 312, 100)).toEqual([
      [312, 1],
      [313, 1],
      [314, 1],
    ])
    // A chunk that is done takes nothing more, and neither does a job whose queue is closed.
    await chunks.finish(a, 3, present.epoch)
    const late = sampleGroup(a, sampleShards(320, 1), present)
    expect(await store.commit(epoch, [late], [])).toEqual([late])
    await chunks.withdraw(b)
    const later = sampleGroup(b, sampleShards(7, 1))
    expect(await store.commit(epoch, [later], [])).toEqual([later])
  })

  it('knows that a commit was stored whose answer was lost, though its claim is over by now', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const groups = [sampleGroup(jobId, sampleShards(0, 5))]
    await store.commit(epoch, groups, [])
    await database.pool.query('UPDATE job_chunks SET epoch = epoch + 1 WHERE job_id = $1', [jobId])
    const more = sampleGroup(jobId, sampleShards(5, 5))
    expect(await store.commit(epoch, groups, [])).toEqual([])
    expect(await store.commit(epoch, [more], [])).toEqual([more])
    expect(shardsOf(await loaded(store, jobId))).toEqual([0, 1, 2, 3, 4])
  })

  it('lets a shard be replaced once, by whichever hub is first, whoever holds its chunk', async () => {
    const stores = [createResultStore(database.pool), createResultStore(database.pool)]
    const jobId = await newJob()
    const [first] = stores
    const epochs = await Promise.all(stores.map((store) => store.openEpoch()))
    await first?.commit(epochs[0] ?? 0, [sampleGroup(jobId, sampleShards(0, 5))], [])
    await createChunkStore(database.pool).withdraw(jobId)
    const groups = stores.map(() =>
      [3, 4].map((shard) => sampleGroup(jobId, sampleShards(shard, 1), 'correction')),
    )
    const refused = await Promise.all(
      stores.map((store, at) => store.commit(epochs[at] ?? 0, groups[at] ?? [], [])),
    )
    expect(refused.flat()).toHaveLength(2)
    expect(shardsOf(await loaded(createResultStore(database.pool), jobId)).toSorted()).toEqual([
      0, 1, 2, 3, 3, 4, 4,
    ])
    // Repeated, each hub's own are known again.
    for (const [at, store] of stores.entries())
      expect(await store.commit(epochs[at] ?? 0, groups[at] ?? [], [])).toEqual(refused[at])
  })

  it('refuses a commit that waits while another hub claims its chunk', async () => {
    const store = createResultStore(database.pool)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    const other = await database.pool.connect()
    await other.query('BEGIN')
    await other.query('UPDATE job_chunks SET epoch = epoch + 1 WHERE job_id = $1', [jobId])
    const groups = [sampleGroup(jobId, sampleShards(0, 5))]
    const commit = store.commit(epoch, groups, [])
    await waitsForLock(database, 1)
    await other.query('COMMIT')
    other.release()
    expect(await commit).toEqual(groups)
    expect(await loaded(store, jobId)).toEqual([])
  })

  it('lets the end of a job wait for a commit under way, which is then paid for', async () => {
    const store = createResultStore(database.pool)
    const jobs = createJobStore(database, SAMPLE_TERMS)
    const epoch = await store.openEpoch()
    const jobId = await newJob()
    // A lock on the job holds the commit in its middle: the fence is passed, the rows wait for the foreign key.
    const blocker = await database.pool.connect()
    await blocker.query('BEGIN')
    await blocker.query('SELECT FROM jobs WHERE id = $1 FOR UPDATE', [jobId])
    const commit = store.commit(epoch, [sampleGroup(jobId, sampleShards(0, 5))], [])
    await waitsForLock(database, 1)
    const ended = jobs.transition(jobId, ['submitted'], 'cancelled')
    await waitsForLock(database, 2)
    await blocker.query('COMMIT')
    blocker.release()
    expect(await commit).toEqual([])
    expect(await ended).toBe(true)
    expect(shardsOf(await loaded(store, jobId))).toEqual([0, 1, 2, 3, 4])
    expect((await jobs.get(jobId))?.bill).toEqual({ computation: 5, verification: 5, referee: 0 })
  })

  it('accepts no shard twice under many commits and many claims at once', async () => {
    const jobId = await newJob()
    const acknowledged: number[] = []
    let refusedCount = 0
    const hub = async (first: number) => {
      const store = createResultStore(database.pool)
      const epoch = await store.openEpoch()
      const { rows } = await database.pool.query<{ epoch: string }>(
        `UPDATE job_chunks SET epoch = nextval('job_chunks_epoch_seq') WHERE job_id = $1 RETURNING epoch`,
        [jobId],
      )
      const claim = { chunk: SAMPLE_CLAIM.chunk, epoch: Number(rows[0]?.epoch) }
      for (let shard = first; shard < first + 40; shard++) {
        const refused = await store.commit(epoch, [sampleGroup(jobId, sampleShards(shard, 1), claim)], [])
        if (refused.length > 0) {
          refusedCount++
          return
        }
        acknowledged.push(shard)
      }
    }
    for (let at = 0; at < 5; at++) await Promise.all([hub(at * 100), hub(at * 100 + 50)])
    expect(refusedCount).toBeGreaterThan(0)
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
