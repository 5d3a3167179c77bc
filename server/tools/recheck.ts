import { randomInt } from 'node:crypto'
import path from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { ForgeError } from '../../kernel/errors.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { chooseShards } from '../../kernel/shard-choice.ts'
import { readConfig } from '../config.ts'
import { hubKeyFile, openHubKey } from '../evidence/hub-key.ts'
import { recheck, recordedJob } from '../evidence/recheck.ts'
import { WorkerReferee } from '../hub/referee/referee.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import { createCorrectionStore } from '../memory/correction-store.ts'
import { openDatabase } from '../memory/database.ts'
import { createJobStore } from '../memory/job-store.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { createResultStore } from '../memory/result-store.ts'
import { createSiteStore } from '../memory/site-store.ts'
import { runTool } from './run-tool.ts'

const HELP = `Usage: npm run recheck -- --job ID [--shards WHICH] [--json]

Executes shards of a settled job again by the referee, with the settings of the server (DATABASE_URL, FORGE_DATA_DIR).
Where one gives other bytes than the record says, a correction signed by the hub is appended to the public ledger, the
record answers no contract any more, and the network gives the job's owner the wrong shards' part of the charge back. The
server may run meanwhile: it publishes the correction within seconds, or at its next start.

  --job ID          the job; of one that was answered from a record, the earlier job is executed
  --shards WHICH    all, a number of shards drawn at random (default: 10), or a list such as 3,8,10-19
  --json            one JSON object instead of text

Exit codes: 0 every shard is right, 1 a shard is wrong (whether corrected now or before), 2 it could not be checked
`

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      job: { type: 'string' },
      shards: { type: 'string', default: '10' },
      json: { type: 'boolean', default: false },
    },
  })
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(values.job ?? ''))
    throw new ForgeError('CONTRACT_INVALID', '--job: the id of a job is expected')
  const config = readConfig()
  const database = await openDatabase(config, { log: (line) => process.stderr.write(`${line}\n`) })
  // One thread at its full speed: nobody else waits for it.
  const referee = new WorkerReferee(new URL('./referee-worker.mjs', import.meta.url), 1)
  try {
    const records = createRecordStore(database)
    const ports = {
      ops: OPS,
      jobs: createJobStore(database, { split: config.split, sites: createSiteStore(database) }),
      results: createResultStore(database.pool),
      records,
      blobs: await openFileBlobStore(path.join(config.dataDir, 'blobs')),
      corrections: createCorrectionStore(database),
      referee,
      hubKey: openHubKey(hubKeyFile(config.dataDir), records),
    }
    const id = values.job as string
    const { accepted } = await recordedJob(ports, id)
    const shards = chooseShards(values.shards, accepted, randomInt)
    const outcome = await recheck(ports, id, shards, (done) =>
      process.stderr.write(`${done} of ${shards.length} shards executed\n`),
    )
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ forge_recheck: 1, ...outcome }, null, 2)}\n`
        : outcome.wrong.length === 0
          ? `✓ ${outcome.checked} shards of job ${outcome.job_id} executed, none differs\n`
          : `✗ ${outcome.wrong.length} of ${outcome.checked} shards of job ${outcome.job_id} differ: ${outcome.wrong.join(', ')}\n${
              outcome.entries.length === 0
                ? 'All of them were corrected before.\n'
                : `Corrected by entry ${outcome.entries.join(', ')} of the ledger; ${outcome.refunded} credits given back.\n`
            }`,
    )
    return outcome.wrong.length === 0 ? 0 : 1
  } finally {
    await referee.close()
    await database.close()
  }
}

await runTool(HELP, main)
