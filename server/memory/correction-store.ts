import { invariant } from '../../kernel/errors.ts'
import type { Database } from './database.ts'
import {
  addTransfers,
  availableOf,
  lockAccounts,
  lockClaims,
  NETWORK,
  ownerAccount,
  transferId,
} from './ledger.ts'
import type { LogEntry, NewLogEntry } from './ports/records.ts'
import { appendLocked, entriesOfJob, lockLog } from './record-store.ts'
import { safeNumber } from './rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

/** Two recorded jobs with one replay key and different shards. */
export interface RecordIncident {
  readonly id: string
  readonly job_id: string
  readonly other_job_id: string
}

export interface StoredCorrection {
  /** Of its entry in the ledger. */
  readonly index: number
  /** Credits that the network gave back. */
  readonly refunded: number
}

/** What was found wrong of records after they were made, and what follows from it. */
export interface CorrectionStore {
  /**
   * Appends a correction to the ledger, ends the record's answers and refunds, all in one transaction.
   * @param make is given the record and those of `shards` that no correction has named yet, at least one
   * @returns undefined when all of them are corrected already
   * @throws ForgeError INTERNAL for a job without a record
   */
  correct(
    jobId: string,
    shards: readonly number[],
    make: (record: LogEntry, fresh: readonly number[]) => Promise<NewLogEntry>,
  ): Promise<StoredCorrection | undefined>
  /** Other jobs with a record under this replay key, the newest first. */
  recordsOf(
    replayKey: string,
    except: string,
    limit: number,
  ): Promise<readonly { readonly job_id: string; readonly envelope: string }[]>
  /** From now on neither record answers contracts. Once for each pair. */
  openIncident(jobId: string, otherJobId: string): Promise<void>
  /** Those whose jobs both have records by now, the oldest first. */
  openIncidents(limit: number): Promise<readonly RecordIncident[]>
  /** The referee has decided: what was not corrected, and has no other open incident, answers again. */
  closeIncident(incident: RecordIncident): Promise<void>
}

export function createCorrectionStore({ pool }: Pick<Database, 'pool'>): CorrectionStore {
  return {
    correct: (jobId, shards, make) =>
      inTransaction(pool, async (tx) => {
        await lockClaims(tx, 'shared')
        await lockLog(tx)
        const [record] = await entriesOfJob(tx, jobId)
        invariant(record?.kind === 'record', `job ${jobId} has a record`)
        const { rows } = await tx.query<{ shard: string }>(
          'SELECT shard FROM corrected_shards WHERE job_id = $1 AND shard = ANY ($2::bigint[])',
          [jobId, shards],
        )
        const known = new Set(rows.map(({ shard }) => safeNumber(shard)))
        const fresh = shards.filter((shard) => !known.has(shard))
        if (fresh.length === 0) return undefined
        const [index] = await appendLocked(tx, [await make(record, fresh)])
        invariant(index !== undefined, 'a correction is always appended')
        await tx.query(
          'INSERT INTO corrected_shards (job_id, shard, entry) SELECT $1, shard, $3 FROM unnest($2::bigint[]) AS s (shard)',
          [jobId, fresh, index],
        )
        await endAnswers(tx, [jobId])
        return { index, refunded: await refund(tx, jobId, fresh.length, index) }
      }),

    async recordsOf(replayKey, except, limit) {
      const { rows } = await pool.query<{ job_id: string; envelope: string }>(
        `SELECT e.job_id, e.envelope FROM jobs AS j JOIN log_entries AS e ON e.job_id = j.id AND e.kind = 'record'
         WHERE j.replay_key = $1 AND j.id <> $2::uuid ORDER BY e.index DESC LIMIT $3`,
        [replayKey, except, limit],
      )
      return rows
    },

    openIncident: (jobId, otherJobId) =>
      inTransaction(pool, async (tx) => {
        const { rowCount } = await tx.query(
          'INSERT INTO record_incidents (job_id, other_job_id) VALUES ($1, $2) ON CONFLICT DO NOTHING',
          [jobId, otherJobId],
        )
        if (rowCount === 1) await endAnswers(tx, [jobId, otherJobId])
      }),

    async openIncidents(limit) {
      const { rows } = await pool.query<RecordIncident>(
        `SELECT i.id::text, i.job_id, i.other_job_id FROM record_incidents AS i
         JOIN log_entries AS a ON a.job_id = i.job_id AND a.kind = 'record'
         JOIN log_entries AS b ON b.job_id = i.other_job_id AND b.kind = 'record'
         WHERE i.closed_at IS NULL ORDER BY i.id LIMIT $1`,
        [limit],
      )
      return rows
    },

    closeIncident: ({ id, job_id, other_job_id }) =>
      inTransaction(pool, async (tx) => {
        // After the rows of the jobs, as whoever opens one or corrects does.
        await tx.query('SELECT FROM jobs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE', [
          [job_id, other_job_id],
        ])
        await tx.query('UPDATE record_incidents SET closed_at = now() WHERE id = $1', [id])
        await tx.query(
          `UPDATE jobs AS j SET replay_ended_at = NULL WHERE j.id = ANY ($1::uuid[])
             AND NOT EXISTS (SELECT FROM corrected_shards AS c WHERE c.job_id = j.id)
             AND NOT EXISTS (SELECT FROM record_incidents AS i
               WHERE i.closed_at IS NULL AND (i.job_id = j.id OR i.other_job_id = j.id))`,
          [[job_id, other_job_id]],
        )
      }),
  }
}

async function endAnswers(tx: Transaction, jobs: readonly string[]): Promise<void> {
  await tx.query('SELECT FROM jobs WHERE id = ANY ($1::uuid[]) ORDER BY id FOR NO KEY UPDATE', [jobs])
  await tx.query(
    'UPDATE jobs SET replay_ended_at = coalesce(replay_ended_at, now()) WHERE id = ANY ($1::uuid[])',
    [jobs],
  )
}

/**
 * The wrong shards' part of the charge, rounded up, from the network to the job's owner: never more than is left of the
 * charge, nor than the network has. Nothing is taken back from agents.
 * @returns credits given back
 */
async function refund(tx: Transaction, jobId: string, shards: number, entry: number): Promise<number> {
  const { rows } = await tx.query<{ owner_id: string; accepted: string; charged: string; refunded: string }>(
    `SELECT j.owner_id, coalesce(j.covered_shards, j.shard_count) AS accepted,
       (SELECT coalesce(sum(t.amount), 0) FROM credit_transfers AS t WHERE t.job_id = j.id AND t.code = 'charge') AS charged,
       (SELECT coalesce(sum(t.amount), 0) FROM credit_transfers AS t WHERE t.job_id = j.id AND t.code = 'refund') AS refunded
     FROM jobs AS j WHERE j.id = $1`,
    [jobId],
  )
  const [row] = rows
  invariant(row !== undefined, `job ${jobId} is stored`)
  const charged = safeNumber(row.charged)
  if (charged === 0) return 0
  const accounts = await lockAccounts(tx, [ownerAccount(row.owner_id), NETWORK])
  const network = accounts.get(NETWORK)
  const credit = ownerAccount(row.owner_id)
  if (network === undefined || !accounts.has(credit)) return 0
  const part = Number((BigInt(charged) * BigInt(shards) + BigInt(row.accepted) - 1n) / BigInt(row.accepted))
  const amount = Math.min(part, charged - safeNumber(row.refunded), availableOf(network))
  if (amount <= 0) return 0
  await addTransfers(tx, [
    {
      id: transferId('refund', jobId, entry),
      flag: 'posted',
      code: 'refund',
      debit: NETWORK,
      credit,
      amount,
      job_id: jobId,
    },
  ])
  return amount
}
