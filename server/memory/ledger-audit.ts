import type pg from 'pg'
import { safeNumber } from './rows.ts'

/** One thing that does not add up, with how often and where first. */
export interface LedgerFinding {
  readonly check: keyof typeof CHECKS
  readonly count: number
  /** Accounts, transfers or jobs, at most ten. */
  readonly examples: readonly string[]
}

const OPEN = 'NOT EXISTS (SELECT FROM credit_transfers r WHERE r.pending_id = h.id)'

/**
 * Each gives the ids of what is wrong. None relies on the counters or the triggers that keep them: everything is summed
 * anew from the transfers and the results.
 */
const CHECKS = {
  /** Debits and credits are the same sums, pending and posted. */
  sums: `SELECT 'all accounts' AS id FROM credit_accounts
    HAVING sum(debits_pending) <> sum(credits_pending) OR sum(debits_posted) <> sum(credits_posted)`,
  /** An account's counters are what its transfers add up to. */
  counters: `WITH moved AS (
      SELECT t.debit_account, t.credit_account,
        CASE WHEN t.flag = 'pending' AND NOT EXISTS (SELECT FROM credit_transfers r WHERE r.pending_id = t.id)
          THEN t.amount ELSE 0 END AS pending,
        CASE WHEN t.flag IN ('posted', 'post_pending') THEN t.amount ELSE 0 END AS posted
      FROM credit_transfers t
    ), sides AS (
      SELECT debit_account AS id, pending AS dp, posted AS d, 0::bigint AS cp, 0::bigint AS c FROM moved
      UNION ALL SELECT credit_account, 0, 0, pending, posted FROM moved
    ), summed AS (SELECT id, sum(dp) AS dp, sum(d) AS d, sum(cp) AS cp, sum(c) AS c FROM sides GROUP BY id)
    SELECT a.id FROM credit_accounts a LEFT JOIN summed s USING (id)
    WHERE (a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted)
      IS DISTINCT FROM (coalesce(s.dp, 0), coalesce(s.d, 0), coalesce(s.cp, 0), coalesce(s.c, 0))`,
  /** Nobody has spent what he does not have. */
  overdrawn: `SELECT id FROM credit_accounts
    WHERE kind <> 'grants' AND debits_pending + debits_posted > credits_posted`,
  /** Nothing stays in escrow but what is held. */
  escrow: `SELECT id FROM credit_accounts WHERE id = 'escrow' AND debits_posted <> credits_posted`,
  /** A pending transfer is resolved once, by one that fits it. */
  resolutions: `SELECT h.id::text FROM credit_transfers h JOIN credit_transfers r ON r.pending_id = h.id
    GROUP BY h.id HAVING count(*) > 1
      OR bool_or(h.flag <> 'pending' OR r.amount > h.amount OR r.debit_account <> h.debit_account
        OR r.job_id <> h.job_id)`,
  /** A job that has ended holds nothing. */
  ended_holds: `SELECT h.job_id::text AS id FROM credit_transfers h LEFT JOIN jobs j ON j.id = h.job_id
    WHERE h.flag = 'pending' AND (j.id IS NULL OR j.finished_at IS NOT NULL) AND ${OPEN}`,
  /** A job that has a price and has not ended holds it. */
  lost_holds: `SELECT j.id::text FROM jobs j WHERE j.finished_at IS NULL AND j.hold IS NOT NULL
    AND NOT EXISTS (SELECT FROM credit_transfers h WHERE h.job_id = j.id AND h.flag = 'pending' AND h.amount = j.hold
      AND ${OPEN})`,
  /** What a job was charged is what was paid out for it. */
  payouts: `SELECT job_id::text AS id FROM credit_transfers WHERE job_id IS NOT NULL GROUP BY job_id
    HAVING coalesce(sum(amount) FILTER (WHERE flag = 'post_pending'), 0)
      <> coalesce(sum(amount) FILTER (WHERE debit_account = 'escrow'), 0)`,
  /** What a job was charged is its price times the verified, durable copies of the shards that count. */
  bills: `SELECT j.id::text FROM jobs j WHERE j.finished_at IS NOT NULL AND j.hold IS NOT NULL
    AND (SELECT coalesce(sum(t.amount), 0) FROM credit_transfers t WHERE t.job_id = j.id AND t.flag = 'post_pending')
      IS DISTINCT FROM j.shard_price * (
        SELECT coalesce(sum(w.computation + w.verification), 0) FROM result_groups g
        CROSS JOIN LATERAL jsonb_to_recordset(g.work) AS w (computation bigint, verification bigint)
        WHERE g.job_id = j.id AND coalesce(g.first_shard < j.covered_shards, true))`,
  /** A group of results lies wholly before or wholly beyond a job's stopping point. */
  straddling: `SELECT j.id::text FROM jobs j JOIN result_groups g ON g.job_id = j.id
    WHERE g.first_shard < j.covered_shards AND g.last_shard >= j.covered_shards`,
} as const

/**
 * Checks the whole ledger in one snapshot. It reads every transfer and result group: for tests and for an operator, not
 * for a request.
 * @returns what does not add up; nothing when all is well
 */
export async function auditLedger(pool: pg.Pool): Promise<readonly LedgerFinding[]> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
    const findings: LedgerFinding[] = []
    for (const [check, sql] of Object.entries(CHECKS) as [keyof typeof CHECKS, string][]) {
      const { rows } = await client.query<{ id: string; count: string }>(
        `WITH wrong AS (${sql}) SELECT id, count(*) OVER () AS count FROM wrong ORDER BY id LIMIT 10`,
      )
      const [first] = rows
      if (first !== undefined)
        findings.push({ check, count: safeNumber(first.count), examples: rows.map(({ id }) => id) })
    }
    return findings
  } finally {
    await client.query('ROLLBACK').then(
      () => client.release(),
      (error: Error) => client.release(error),
    )
  }
}
