import type pg from 'pg'
import type { CanaryAnswerRow } from './ports/results.ts'
import { safeNumber } from './rows.ts'

/** Answers to canaries, beside the results: one row a lease. */

/**
 * The part of a commit's statement that stores them, once each.
 * @param param adds a parameter and gives its placeholder
 */
export function canaryPart(
  canaries: readonly CanaryAnswerRow[],
  param: (value: unknown, type: string) => string,
): string {
  const column = (read: (answer: CanaryAnswerRow) => unknown, type: string) =>
    param(canaries.map(read), `${type}[]`)
  const columns = [
    column(({ epoch }) => epoch, 'bigint'),
    column(({ lease_id }) => lease_id, 'text'),
    column(({ job_id }) => job_id, 'uuid'),
    column(({ agent }) => agent, 'text'),
    column(({ owner }) => owner, 'text'),
    column(({ shards }) => shards, 'int'),
    column(({ isRight }) => isRight, 'bool'),
  ]
  return `canaries AS (INSERT INTO canary_answers (epoch, lease_id, job_id, agent, owner, shards, is_right)
    SELECT v.* FROM hub, unnest(${columns.join(', ')}) AS v
    ON CONFLICT (epoch, lease_id) DO NOTHING)`
}

/** Number of the row of what canaries have found, among the rows of results of an epoch: no commit has it. */
export const CANARY_SEQ = -1

/** How many were answered for a job at each hub, and how many of them wrongly. */
export async function canaryFindings(
  pool: Pick<pg.Pool, 'query'>,
  jobId: string,
): Promise<readonly { readonly epoch: number; readonly canaries: number; readonly canaries_bad: number }[]> {
  const { rows } = await pool.query<{ epoch: string; canaries: number; canaries_bad: number }>(
    `SELECT epoch, count(*)::int AS canaries, (count(*) FILTER (WHERE NOT is_right))::int AS canaries_bad
     FROM canary_answers WHERE job_id = $1 GROUP BY epoch ORDER BY epoch`,
    [jobId],
  )
  return rows.map((row) => ({ ...row, epoch: safeNumber(row.epoch) }))
}
