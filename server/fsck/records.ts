import { canonicalJson, type Json, parseJsonStrict } from '../../kernel/canonical.ts'
import { bytesEqual, sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { recordLeaf } from '../../kernel/evidence/leaf.ts'
import { verifyEvidence } from '../../kernel/evidence/verify.ts'
import type { VerifyPorts } from '../../kernel/evidence/verify-ports.ts'
import type { NoteKey } from '../../kernel/ledger/signed-note.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { BundleOf } from '../evidence/evidence.ts'
import type { Database } from '../memory/database.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import { safeNumber } from '../memory/rows.ts'
import type { Found } from './findings.ts'

const PAGE = 256

interface EntryRow {
  readonly index: string
  readonly job_id: string
  readonly envelope: string
  readonly leaf: Buffer
}

/**
 * Makes the evidence of every record from what is stored, results and receipts included, and verifies it as a stranger
 * would.
 * @returns records looked at, and those whose job is gone: an erased account leaves its entry, which then says nothing
 */
export async function checkRecords(
  { pool }: Pick<Database, 'pool'>,
  jobs: Pick<JobStore, 'get'>,
  bundleOf: BundleOf,
  logKey: NoteKey,
  ports: VerifyPorts,
  found: Found,
): Promise<{ readonly records: number; readonly erased: number }> {
  let records = 0
  let erased = 0
  for (let next = 0; ; ) {
    const { rows } = await pool.query<EntryRow>(
      `SELECT index, job_id, envelope, leaf FROM log_entries
       WHERE kind = 'record' AND index >= $1 ORDER BY index LIMIT ${PAGE}`,
      [next],
    )
    for (const { index, job_id, envelope, leaf } of rows) {
      records++
      const subject = `entry ${index}, job ${job_id}`
      try {
        const digest = sha256Hex(canonicalJson(parseJsonStrict(envelope, LIMITS.blob_bytes) as Json))
        if (!bytesEqual(recordLeaf(digest), new Uint8Array(leaf)))
          found('records', subject, 'its envelope is not the one that the ledger names')
        const job = await jobs.get(job_id)
        if (job === undefined) {
          erased++
          continue
        }
        const bundle = await bundleOf(job, { digests: true, since: undefined })
        const { checks, corrected } = await verifyEvidence(JSON.stringify(bundle), { logKey }, ports)
        // What was corrected in the ledger is as it should be.
        for (const { id, state, detail } of checks)
          if (state === 'failed' && !(corrected && id === 'corrections'))
            found('records', subject, `${id}: ${detail}`)
      } catch (error) {
        if (!(error instanceof ForgeError)) throw error
        found('records', subject, error.message)
      }
    }
    const last = rows.at(-1)
    if (last === undefined) return { records, erased }
    next = safeNumber(last.index) + 1
  }
}
