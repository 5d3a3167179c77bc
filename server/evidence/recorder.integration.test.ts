import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import { formatVkey, NOTE_SIGNATURE, type NoteKey } from '../../kernel/ledger/signed-note.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { RecordStore } from '../memory/ports/records.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { createTestDatabase, type TestDatabase } from '../memory/testing/test-database.ts'
import { openTileStore } from '../memory/tile-store-files.ts'
import { createEvidenceService } from './evidence.ts'
import { Publisher } from './publisher.ts'
import { Recorder } from './recorder.ts'
import { openSigningKey, type SigningKey, verifySignature } from './signing-keys.ts'
import { openSettledJobs, type SettledJobs } from './testing/settled-jobs.ts'

let database: TestDatabase
let folder: string
let world: SettledJobs
let records: RecordStore
let blobs: BlobStore
let publisher: Publisher
let hubKey: SigningKey
const said: string[] = []
beforeEach(async () => {
  database = await createTestDatabase()
  folder = await mkdtemp(path.join(tmpdir(), 'forge-recorder-'))
  hubKey = await openSigningKey(path.join(folder, 'hub.pem'))
  const { publicKey, sign } = await openSigningKey(path.join(folder, 'log.pem'))
  const key: NoteKey = { name: 'test.example/log', type: NOTE_SIGNATURE, publicKey }
  records = createRecordStore(database)
  await records.identity({ origin: key.name, vkey: formatVkey(key) })
  await records.signWithHubKey(hubKey.publicKey)
  blobs = await openFileBlobStore(path.join(folder, 'blobs'))
  publisher = new Publisher({ records, tiles: openTileStore(path.join(folder, 'log')), key, sign })
  world = await openSettledJobs(database, hubKey.publicKey)
  said.length = 0
})
afterEach(async () => {
  await database.close()
  await rm(folder, { recursive: true, force: true })
})

async function recordAll(jobs: Pick<JobStore, 'get'> = world.jobs): Promise<void> {
  const { results } = world
  const recorder = new Recorder({
    ...{ ops: OPS, jobs, results, records, blobs, hubKey: { current: async () => hubKey }, publisher },
    compare: async () => {},
    published: async () => {},
    log: (_, message, fields) => said.push(`${message}: ${String(fields.job ?? fields.error)}`),
  })
  recorder.poke()
  await recorder.idle()
  await recorder.close()
}

it('leaves a job whose record cannot be made, and records the others', async () => {
  const bad = await world.settle({ shards: 3, lease_shards: 2 })
  const good = await world.settle({ shards: 3, lease_shards: 2 })
  await recordAll({
    get: async (id) => {
      if (id === bad.id) throw new ForgeError('TOO_LARGE', 'its receipts do not fit')
      return world.jobs.get(id)
    },
  })
  expect(said).toEqual([`a job has no record: ${bad.id}`])
  expect(await records.unrecorded(10)).toEqual([bad.id])
  expect((await records.ofJob(good.id)).map(({ index }) => index)).toEqual([0])
  // A new start tries again.
  await recordAll()
  expect(await records.unrecorded(10)).toEqual([])
})

it('makes the file of a job of more digests than are held at a time', async () => {
  const shards = 270_001
  const { id, receipts } = await world.settle({ shards, lease_shards: 4096 })
  await recordAll()
  expect(said).toEqual([])
  const service = createEvidenceService({
    ...{ ops: OPS, jobs: world.jobs, results: world.results, records, blobs, publisher, witnessKeys: [] },
    tiles: openTileStore(path.join(folder, 'log')),
  })
  const actor = { kind: 'user', ownerId: world.owner, userId: world.owner } as const
  for (const digests of [true, false]) {
    const parts = await service.bundle(actor, id, { digests, since: undefined })
    const report = await verifyEvidence(bytesOf(parts), {}, { verifySignature, ops: OPS })
    expect(report.checks.filter(({ state }) => state === 'failed')).toEqual([])
    expect(report.record).toMatchObject({
      shards: { accepted: shards },
      receipts: { count: receipts },
      verification: { bound: { audits: 0, copies_per_shard: 2, wrong_fraction: 0, result: { at_most: 0 } } },
    })
    expect(report.digests?.length).toBe(digests ? 32 * shards : undefined)
  }
})

async function* bytesOf(parts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder()
  for await (const part of parts) yield encoder.encode(part)
}
