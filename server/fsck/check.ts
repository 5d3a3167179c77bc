import path from 'node:path'
import { ForgeError } from '../../kernel/errors.ts'
import { parseVkey } from '../../kernel/ledger/signed-note.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { Config } from '../config.ts'
import { createBundleOf } from '../evidence/evidence.ts'
import { Publisher } from '../evidence/publisher.ts'
import { verifySignature } from '../evidence/signing-keys.ts'
import { openFileBlobStore } from '../memory/blob-store-files.ts'
import type { Database } from '../memory/database.ts'
import { createJobStore } from '../memory/job-store.ts'
import { auditLedger } from '../memory/ledger-audit.ts'
import { createRecordStore } from '../memory/record-store.ts'
import { createResultStore } from '../memory/result-store.ts'
import { createSiteStore } from '../memory/site-store.ts'
import { openTileStore } from '../memory/tile-store-files.ts'
import type { Found } from './findings.ts'
import { checkLedgerFiles } from './ledger-files.ts'
import { checkRecords } from './records.ts'

/** What was looked at. */
export interface FsckCounts {
  readonly entries: number
  readonly records: number
  /** Records whose job is gone. */
  readonly erased: number
}

/**
 * Checks a whole deployment: entries, checkpoints and files of the ledger, every record against the stored results and
 * receipts of its job, and the money. It reads everything and changes nothing.
 */
export async function checkDeployment(
  database: Database,
  { dataDir, split }: Pick<Config, 'dataDir' | 'split'>,
  found: Found,
): Promise<FsckCounts> {
  for (const { check, count, examples } of await auditLedger(database.pool))
    found('money', check, `${count} wrong, such as ${examples.join(', ')}`)
  const records = createRecordStore(database)
  const tiles = openTileStore(path.join(dataDir, 'log'))
  const entries = await checkLedgerFiles(database, records, tiles, found)
  if (entries === 0) return { entries, records: 0, erased: 0 }
  const { rows } = await database.pool.query<{ vkey: string }>('SELECT vkey FROM log_identity')
  const [log] = rows
  if (log === undefined) {
    found('entries', 'the log', 'it has entries and no name')
    return { entries, records: 0, erased: 0 }
  }
  const logKey = parseVkey(log.vkey)
  const bundleOf = createBundleOf({
    ops: OPS,
    results: createResultStore(database.pool),
    records,
    blobs: await openFileBlobStore(path.join(dataDir, 'blobs')),
    publisher: new Publisher({
      records,
      tiles,
      key: logKey,
      sign: () => {
        throw new ForgeError('INTERNAL', 'a check signs nothing')
      },
    }),
    witnessKeys: [],
  })
  const jobs = createJobStore(database, { split, sites: createSiteStore(database) })
  const ports = { verifySignature, ops: OPS }
  return { entries, ...(await checkRecords(database, jobs, bundleOf, logKey, ports, found)) }
}
