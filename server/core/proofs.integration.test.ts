import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JobState } from '../../kernel/api.ts'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import { createJobStore } from '../memory/job-store.ts'
import { createResultStore } from '../memory/result-store.ts'
import {
  claimSample,
  SAMPLE_TERMS,
  sampleAccount,
  sampleGroup,
  sampleJob,
  sampleShards,
} from '../memory/testing/samples.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { type Actor, VISITOR } from './actor.ts'
import { NO_PROGRESS } from './job-view.ts'
import { createProofService, type ProofService } from './proofs.ts'

const SHARDS = 1000
let database: TestDatabase
let proofs: ProofService
let settled: string
let running: string
let owner: Actor

beforeAll(async () => {
  database = await createTestDatabase()
  const jobs = createJobStore(database, SAMPLE_TERMS)
  const results = createResultStore(database.pool)
  proofs = createProofService({ jobs, results })
  const account = await sampleAccount(database, 'submitter')
  owner = { kind: 'user', ownerId: account.id, userId: 'submitter' }
  const epoch = await results.openEpoch()
  const start = async () => {
    const { job } = await jobs.insert(sampleJob(account.id))
    await jobs.setVisibility(job.id, 'public')
    const open: readonly JobState[] = ['submitted']
    await jobs.transition(job.id, open, 'running')
    await claimSample(database, job.id)
    return job.id
  }
  running = await start()
  settled = await start()
  // Three commits, the last one out of order and with two runs of shards in one row.
  await results.commit(epoch, [sampleGroup(settled, sampleShards(400, 300))], [])
  await results.commit(epoch, [sampleGroup(settled, sampleShards(0, 400))], [])
  await results.commit(
    epoch,
    [sampleGroup(settled, [...sampleShards(900, 100), ...sampleShards(700, 200)])],
    [],
  )
  await jobs.settle(settled, {
    result: '{}',
    result_digest: sha256Hex('{}'),
    headline: 'π',
    artifacts: [],
    covered_shards: null,
    progress: NO_PROGRESS,
  })
})
afterAll(() => database.close())

const digestOf = (shard: number) => bytesToHex(sampleShards(shard, 1)[0]?.digest ?? new Uint8Array())

describe('what it takes to execute shards of a settled job again', () => {
  it('is the contract and the accepted digests of the shards asked for, each once, in order', async () => {
    const proof = await proofs.prove(VISITOR, settled, [999, 0, 400, 700, 0])
    expect(proof).toMatchObject({ id: settled, shard_count: SHARDS, result_digest: sha256Hex('{}') })
    expect(sha256Hex(proof.canonical)).toBe(sha256Hex(sampleJob('anybody').canonical))
    expect(proof.shards).toEqual(
      [0, 400, 700, 999].map((shard) => ({
        shard,
        digest: digestOf(shard),
        method: 'quorum',
        executors: ['webgpu', 'cpu'],
      })),
    )
  })

  it('is drawn by the server for whoever names no shards', async () => {
    const { shards } = await proofs.prove(VISITOR, settled, undefined)
    expect(new Set(shards.map(({ shard }) => shard)).size).toBe(10)
    for (const { shard, digest } of shards) expect(digest).toBe(digestOf(shard))
  })

  it('is found in rows of before their span was stored', async () => {
    await database.pool.query('UPDATE result_groups SET first_shard = NULL, last_shard = NULL')
    const { shards } = await proofs.prove(VISITOR, settled, [5, 950])
    expect(shards.map(({ digest }) => digest)).toEqual([digestOf(5), digestOf(950)])
  })

  it('is its owner’s alone while the job is private', async () => {
    await createJobStore(database, SAMPLE_TERMS).setVisibility(settled, 'private')
    await expect(proofs.prove(VISITOR, settled, [0])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    expect((await proofs.prove(owner, settled, [0])).shards).toHaveLength(1)
    await createJobStore(database, SAMPLE_TERMS).setVisibility(settled, 'public')
  })

  it('does not exist before the job is settled, for another job, or outside the plan', async () => {
    await expect(proofs.prove(VISITOR, running, undefined)).rejects.toMatchObject({ code: 'CONFLICT' })
    for (const id of ['nonsense', '00000000-0000-4000-8000-000000000000'])
      await expect(proofs.prove(VISITOR, id, [0])).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(proofs.prove(VISITOR, settled, [0, SHARDS])).rejects.toMatchObject({
      code: 'MESSAGE_INVALID',
      path: 'shards',
    })
  })
})
