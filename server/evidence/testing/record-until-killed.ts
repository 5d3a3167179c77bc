// Settles jobs, records them, publishes the ledger and has it cosigned, as a server does, and kills itself in the middle of
// the step that it was told; without such a step it records what is left and ends. Prints `settled ID` for each job, `step
// NAME` before it dies, `error …` for what a recorder must not run into.
import path from 'node:path'
import process from 'node:process'
import { z } from 'zod'
import { NOTE_SIGNATURE, type NoteKey } from '../../../kernel/ledger/signed-note.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { programRoot } from '../../config.ts'
import { openFileBlobStore } from '../../memory/blob-store-files.ts'
import { connect } from '../../memory/database.ts'
import type { BlobStore } from '../../memory/ports/blobs.ts'
import type { RecordStore, TileStore } from '../../memory/ports/records.ts'
import { createRecordStore } from '../../memory/record-store.ts'
import { openTileStore } from '../../memory/tile-store-files.ts'
import { Publisher } from '../publisher.ts'
import { Recorder } from '../recorder.ts'
import { openSigningKey } from '../signing-keys.ts'
import { Cosigners, parseWitnesses } from '../witnesses.ts'
import { openSettledJobs } from './settled-jobs.ts'

const order = z
  .strictObject({
    url: z.string(),
    folder: z.string(),
    origin: z.string(),
    witnesses: z.string(),
    /** Jobs settled between two looks of the recorder. */
    jobs: z.int().min(1),
    /** The step in which to die, which time it comes to it, and turns of the event loop after it has begun. */
    kill: z.strictObject({ step: z.string(), time: z.int().min(1), turns: z.int().min(0) }).nullable(),
  })
  .parse(JSON.parse(process.argv[2] ?? ''))

let times = 0
async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  if (name !== order.kill?.step || ++times !== order.kill.time) return work()
  console.log(`step ${name}`)
  const begun = work()
  for (let turn = 0; turn < order.kill.turns; turn++) await new Promise((resolve) => setImmediate(resolve))
  process.kill(process.pid, 'SIGKILL')
  return begun
}

const database = await connect(order.url, programRoot(), console.error, async () => {})
const stored = createRecordStore(database)
const records: RecordStore = {
  ...stored,
  append: (entries) => step('append', () => stored.append(entries)),
  publishing: (work) =>
    stored.publishing((head, store) => work(head, (next) => step('checkpoint', () => store(next)))),
  cosigned: (head) => step('cosigned', () => stored.cosigned(head)),
}
const files = openTileStore(path.join(order.folder, 'log'))
const tiles: TileStore = { ...files, put: (named) => step('tiles', () => files.put(named)) }
const kept = await openFileBlobStore(path.join(order.folder, 'blobs'))
const blobs: BlobStore = {
  ...kept,
  put: (source, options) => step('blob', () => kept.put(source, options)),
}
const hubKey = await openSigningKey(path.join(order.folder, 'keys', 'hub.pem'))
const logKey = await openSigningKey(path.join(order.folder, 'keys', 'log.pem'))
await records.signWithHubKey(hubKey.publicKey)
const key: NoteKey = { name: order.origin, type: NOTE_SIGNATURE, publicKey: logKey.publicKey }
const publisher = new Publisher({ records, tiles, key, sign: logKey.sign })
const cosigners = new Cosigners(parseWitnesses(order.witnesses), records, publisher, () => {})
const { jobs, results, settle } = await openSettledJobs(database, hubKey.publicKey)
const recorder = new Recorder({
  ops: OPS,
  jobs,
  results,
  records,
  blobs,
  hubKey: { current: async () => hubKey },
  compare: async () => {},
  publisher,
  published: () => step('cosign', () => cosigners.cosign()),
  log: (_, message, fields) => {
    console.log(`error ${message}: ${String(fields.error)}`)
    process.exit(1)
  },
})
do {
  for (let at = 0; at < order.jobs && order.kill !== null; at++) {
    const { id } = await settle({ shards: 2, lease_shards: 1 })
    console.log(`settled ${id}`)
  }
  recorder.poke()
  await recorder.idle()
} while (order.kill !== null)
await recorder.close()
await database.close()
console.log('done')
