import type { SettlementBasis } from './ports/jobs.ts'
import { safeNumber } from './rows.ts'
import type { Transaction } from './transaction.ts'

/**
 * Whether what a result rests on is still so, in the transaction that settles. Corrections lock the job's row, so none comes
 * after this; a wrong result that is stored later was not known when the job ended.
 */
export async function basisHolds(
  tx: Transaction,
  jobId: string,
  { corrections, incidents }: SettlementBasis,
): Promise<boolean> {
  await tx.query('SELECT FROM jobs WHERE id = $1 FOR NO KEY UPDATE', [jobId])
  const { rows } = await tx.query<{ corrections: string; incidents: string }>(
    `SELECT (SELECT count(*) FROM shard_corrections WHERE job_id = $1) AS corrections,
       (SELECT count(*) FROM agent_incidents WHERE agent_id = ANY ($2::bpchar[]) AND created_at >= $3) AS incidents`,
    [jobId, incidents.agents, incidents.since],
  )
  return (
    safeNumber(rows[0]?.corrections ?? '0') === corrections &&
    safeNumber(rows[0]?.incidents ?? '0') === incidents.count
  )
}
