import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { OPS } from '../../kernel/ops/registry.ts'
import { createEvidenceService } from '../../server/evidence/evidence.ts'
import { Recorder } from '../../server/evidence/recorder.ts'
import { openSettledJobs } from '../../server/evidence/testing/settled-jobs.ts'
import { openFileBlobStore } from '../../server/memory/blob-store-files.ts'
import type { Ground } from './ground.ts'
import { cpuMs } from './usage.ts'

export interface LargeJobFile {
  readonly file: string
  readonly bytes: number
  readonly receipts: number
  /** CPU of this process, ms: the record made and appended; the file made. */
  readonly record_ms: number
  readonly file_ms: number
}

/**
 * The evidence file of a settled job with made-up leaves, by the server's recorder and evidence service.
 * @throws Error when the recorder has failed
 */
export async function largeJobFile(
  ground: Ground,
  shards: number,
  lease_shards: number,
  say: (line: string) => void,
): Promise<LargeJobFile> {
  const { database, records, publisher, hubKey, tiles } = ground
  const { jobs, results, owner, settle } = await openSettledJobs(database, hubKey.publicKey)
  const { id, receipts } = await settle({ shards, lease_shards })
  say(`  a job of ${shards} shards and ${receipts} receipts is settled`)

  const blobs = await openFileBlobStore(path.join(ground.folder, 'blobs'))
  let failure: string | undefined
  const recorder = new Recorder({
    ops: OPS,
    jobs,
    results,
    records,
    blobs,
    hubKey: { current: async () => hubKey },
    compare: async () => {},
    publisher,
    published: async () => {},
    log: (_, message, fields) => {
      failure = `${message}: ${String(fields.error)}`
    },
  })
  let cpu = cpuMs()
  recorder.poke()
  await recorder.idle()
  await recorder.close()
  const record_ms = cpuMs() - cpu
  if (failure !== undefined) throw new Error(failure)

  const service = createEvidenceService({
    ops: OPS,
    jobs,
    results,
    records,
    blobs,
    tiles,
    publisher,
    witnessKeys: [],
  })
  const file = path.join(ground.folder, `${id}.forge`)
  cpu = cpuMs()
  const parts = await service.bundle({ kind: 'user', ownerId: owner, userId: owner }, id, {
    digests: true,
    since: undefined,
  })
  const out = createWriteStream(file)
  await Promise.all([once(out, 'close'), pipeline(Readable.from(parts), out)])
  const file_ms = cpuMs() - cpu
  return { file, bytes: (await stat(file)).size, receipts, record_ms, file_ms }
}
