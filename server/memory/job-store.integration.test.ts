import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import { createJobStore } from './job-store.ts'
import type { JobStore } from './ports/jobs.ts'
import { createResultStore } from './result-store.ts'
import {
  claimSample,
  SAMPLE_TERMS,
  sampleAccount,
  sampleGroup,
  sampleJob,
  sampleResult,
  sampleShards,
} from './testing/samples.ts'
import { createTestDatabase, type TestDatabase } from './testing/test-database.ts'

const SETTLEMENT = sampleResult()

describe('jobs in PostgreSQL', () => {
  let database: TestDatabase
  let jobs: JobStore
  let ownerId: string
  beforeAll(async () => {
    database = await createTestDatabase()
    jobs = createJobStore(database, SAMPLE_TERMS)
    ownerId = (await sampleAccount(database, 'local')).id
  })
  afterAll(() => database.close())

  const running = async () => {
    const { job } = await jobs.insert(sampleJob(ownerId))
    expect(await jobs.transition(job.id, ['submitted'], 'running')).toBe(true)
    return job.id
  }

  it('stores a job and gives it back as it was', async () => {
    const sample = sampleJob(ownerId, { work_units: Number.MAX_SAFE_INTEGER })
    const { job, created } = await jobs.insert(sample)
    expect(created).toBe(true)
    const { contract: _, idempotency_key: __, ...columns } = sample
    expect(job).toEqual({
      ...columns,
      state: 'submitted',
      replay_of: null,
      replay_ended_at: null,
      visibility: 'private',
      priority: 'normal',
      paused_at: null,
      created_at: expect.any(Date),
      started_at: null,
      finished_at: null,
      progress: null,
      result: null,
      result_digest: null,
      headline: null,
      artifacts: [],
      failure: null,
      bill: null,
      covered_shards: null,
    })
    expect(await jobs.get(job.id)).toEqual(job)
    expect(await jobs.get(randomUUID())).toBeUndefined()
  })

  it('keeps what its owner says of a job, until it has ended', async () => {
    const { job } = await jobs.insert(sampleJob(ownerId, { priority: 'high' }))
    expect(job.priority).toBe('high')
    for (const isPaused of [true, true]) expect(await jobs.setPaused(job.id, isPaused)).toBe(true)
    expect((await jobs.get(job.id))?.paused_at).toBeInstanceOf(Date)
    expect(await jobs.setPriority(job.id, 'low')).toBe(true)
    expect(await jobs.setPaused(job.id, false)).toBe(true)
    expect(await jobs.get(job.id)).toMatchObject({ priority: 'low', paused_at: null })
    await jobs.transition(job.id, ['submitted'], 'cancelled')
    expect(await jobs.setPaused(job.id, true)).toBe(false)
    expect(await jobs.setPriority(job.id, 'high')).toBe(false)
    expect(await jobs.setPaused(randomUUID(), true)).toBe(false)
  })

  it('gives the first job back for a repeated key of the same owner, also when many ask at once', async () => {
    const other = (await sampleAccount(database, 'other')).id
    const submit = (owner: string) => jobs.insert(sampleJob(owner, { idempotency_key: 'key 1' }))
    const answers = await Promise.all(Array.from({ length: 12 }, () => submit(ownerId)))
    expect(new Set(answers.map(({ job }) => job.id)).size).toBe(1)
    expect(answers.filter(({ created }) => created)).toHaveLength(1)
    expect((await submit(other)).created).toBe(true)
    expect((await jobs.insert(sampleJob(ownerId))).created).toBe(true)
  })

  it('lists the newest first, page by page, with nothing lost or shown twice', async () => {
    // Jobs of the same millisecond: only the id tells them apart.
    await Promise.all(Array.from({ length: 25 }, () => jobs.insert(sampleJob(ownerId))))
    await database.pool.query(`UPDATE jobs SET created_at = date_trunc('second', created_at)`)
    const seen: { created_at: Date; id: string }[] = []
    for (;;) {
      const before = seen.at(-1)
      const page = await jobs.list({
        visibility: 'private',
        limit: 7,
        ...(before === undefined ? {} : { before }),
      })
      seen.push(...page)
      if (page.length < 7) break
    }
    expect(seen).toHaveLength(await database.prisma.jobs.count())
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length)
    const times = seen.map(({ created_at }) => created_at.getTime())
    expect(times).toEqual(times.toSorted((a, b) => b - a))
  })

  it('moves a job only from the states named, once, and keeps its times', async () => {
    const id = await running()
    expect(await jobs.transition(id, ['submitted', 'planned'], 'running')).toBe(false)
    const started = (await jobs.get(id))?.started_at
    expect(started).toBeInstanceOf(Date)
    expect(await jobs.transition(id, ['running'], 'verifying')).toBe(true)
    expect(await jobs.transition(id, ['verifying'], 'running')).toBe(true)
    expect((await jobs.get(id))?.started_at).toEqual(started)
    const failure = new ForgeError('EXECUTOR_FAILED', 'no agent can run this', {
      hint: 'Try later.',
    }).toJSON()
    const ends = await Promise.all([
      jobs.transition(id, ['running', 'verifying'], 'failed', { failure }),
      jobs.transition(id, ['running', 'verifying'], 'cancelled'),
    ])
    expect(ends.filter(Boolean)).toHaveLength(1)
    const ended = await jobs.get(id)
    expect(ended?.finished_at).toBeInstanceOf(Date)
    expect(await jobs.transition(id, ['submitted', 'running'], 'cancelled')).toBe(false)
    expect((await jobs.unfinished()).map((job) => job.id)).not.toContain(id)
  })

  it('keeps the reason of a failure and the last figures', async () => {
    const id = await running()
    const failure = new ForgeError('INPUT_MISSING', 'a blob is gone', { path: 'inputs.a' }).toJSON()
    await jobs.transition(id, ['running'], 'failed', { failure, progress: SETTLEMENT.progress })
    expect(await jobs.get(id)).toMatchObject({ state: 'failed', failure, progress: SETTLEMENT.progress })
  })

  it('settles a running job once, with its result', async () => {
    const results = createResultStore(database.pool)
    const epoch = await results.openEpoch()
    const id = await running()
    await claimSample(database, id)
    await results.commit(epoch, [sampleGroup(id, sampleShards(0, 10))], [])
    const before = await jobs.counts()
    expect(await jobs.settle(id, SETTLEMENT)).toBe(true)
    expect(await jobs.settle(id, SETTLEMENT)).toBe(false)
    expect(await jobs.get(id)).toMatchObject({
      ...SETTLEMENT,
      state: 'settled',
      finished_at: expect.any(Date),
    })
    expect(await jobs.counts()).toEqual({
      settled: before.settled + 1,
      shards_accepted: before.shards_accepted,
    })
    expect(before.shards_accepted).toBe(10)
  })

  it('settles once when two hubs do it at the same time, and takes no result of the job afterwards', async () => {
    const results = createResultStore(database.pool)
    const epoch = await results.openEpoch()
    const id = await running()
    await claimSample(database, id)
    const ends = await Promise.all([jobs.settle(id, SETTLEMENT), jobs.settle(id, SETTLEMENT)])
    expect(ends.filter(Boolean)).toHaveLength(1)
    const late = sampleGroup(id, sampleShards(0, 10))
    const correction = sampleGroup(id, sampleShards(5, 1), 'correction')
    expect(await results.commit(epoch, [late, correction], [])).toEqual([late, correction])
    expect((await jobs.get(await running()))?.state).toBe('running')
  })

  it.each([
    ['an unknown state', `UPDATE jobs SET state = 'lost'`],
    [
      'a settled job without a result',
      `UPDATE jobs SET state = 'settled', finished_at = now() WHERE state = 'running'`,
    ],
    ['a finished job without a time', `UPDATE jobs SET finished_at = NULL WHERE state = 'settled'`],
    ['a negative count', 'UPDATE jobs SET work_units = -1'],
    ['no shards', 'UPDATE jobs SET shard_count = 0'],
    ['a digest that is none', `UPDATE jobs SET replay_key = repeat('Z', 64)`],
  ])('has a database that refuses %s', async (_, sql) => {
    await expect(database.pool.query(sql)).rejects.toThrow(/check constraint/)
  })
})
