import type pg from 'pg'
import { z } from 'zod'
import { STATEMENT_KINDS } from '../../kernel/api/credits.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { holdTransfer } from './job-billing.ts'
import {
  addTransfers,
  agentAccount,
  availableOf,
  ESCROW,
  GRANTS,
  lockAccounts,
  lockClaims,
  openAccounts,
  ownerAccount,
  transferId,
} from './ledger.ts'
import type { CreditStore, StatementRow } from './ports/credits.ts'
import { safeNumber } from './rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

const kindSchema = z.enum(STATEMENT_KINDS)

/** Accounts of the ledger in PostgreSQL, by their owners. */
export function createCreditStore(pool: pg.Pool): CreditStore {
  return {
    grant: (ownerId, credits, reason) =>
      inTransaction(pool, async (tx) => {
        const credit = ownerAccount(ownerId)
        const id = transferId('grant', ownerId, reason)
        // Nearly always there: look first, and lock nothing.
        if ((await tx.query('SELECT FROM credit_transfers WHERE id = $1', [id])).rowCount === 1) return false
        await openAccounts(tx, [credit])
        await lockAccounts(tx, [credit, GRANTS])
        const added = await addTransfers(tx, [
          {
            id,
            flag: 'posted',
            code: 'grant',
            debit: GRANTS,
            credit,
            amount: credits,
          },
        ])
        return added.length === 1
      }),

    async balance(ownerId) {
      const { rows } = await pool.query<{ available: string; held: string }>(
        `SELECT credits_posted - debits_posted - debits_pending AS available, debits_pending AS held
         FROM credit_accounts WHERE id = $1`,
        [ownerAccount(ownerId)],
      )
      const [row] = rows
      return { available: safeNumber(row?.available ?? '0'), held: safeNumber(row?.held ?? '0') }
    },

    async holds(ownerId, limit) {
      const { rows } = await pool.query<{
        job_id: string
        amount: string
        created_at: Date
        expires_at: Date
      }>(`${OPEN_HOLDS} AND h.debit_account = $1 ORDER BY h.seq DESC LIMIT $2`, [
        ownerAccount(ownerId),
        limit,
      ])
      return rows.map(({ amount, ...row }) => ({ ...row, credits: safeNumber(amount) }))
    },

    async statementBefore(ownerId, { limit, before }) {
      const account = ownerAccount(ownerId)
      // One statement, hence one moment: what is available now, less what the rows after `before` have changed.
      const { rows } = await pool.query<StoredLine & { available: string }>(
        `WITH lines AS NOT MATERIALIZED (${LINES}),
         newer AS (SELECT coalesce(sum(change), 0) AS change FROM lines WHERE seq >= $2::bigint)
         SELECT l.*, a.credits_posted - a.debits_posted - a.debits_pending
           - (SELECT change FROM newer) AS available
         FROM credit_accounts a
         CROSS JOIN LATERAL (SELECT * FROM lines WHERE $2::bigint IS NULL OR seq < $2 ORDER BY seq DESC LIMIT $3) AS l
         WHERE a.id = $1 ORDER BY l.seq DESC`,
        [account, before ?? null, limit],
      )
      return { rows: rows.map(statementRow), available: safeNumber(rows[0]?.available ?? '0') }
    },

    async statementAfter(ownerId, { limit, after }) {
      const { rows } = await pool.query<StoredLine>(
        `WITH lines AS (${LINES}) SELECT * FROM lines WHERE seq > $2 ORDER BY seq LIMIT $3`,
        [ownerAccount(ownerId), after, limit],
      )
      return rows.map(statementRow)
    },

    async statementLines(ownerId) {
      const { rows } = await pool.query<{ lines: string }>(`SELECT count(*) AS lines FROM (${LINES}) AS l`, [
        ownerAccount(ownerId),
      ])
      return safeNumber(rows[0]?.lines ?? '0')
    },

    claimAgent: (agent, ownerId) =>
      inTransaction(pool, async (tx) => {
        await lockClaims(tx, 'exclusive')
        let credits = 0
        for (const key of await keysOf(tx, agent)) {
          await ownAgent(tx, key, ownerId)
          credits += await moveAll(tx, agentAccount(key), ownerAccount(ownerId), 'claim', key)
        }
        return credits
      }),

    async earnedBy(ownerId, agents) {
      const { rows } = await pool.query<{ agent: string; credits: string }>(
        `SELECT agent, sum(amount) AS credits FROM credit_transfers
         WHERE credit_account = $1 AND code IN ('contribution', 'claim') AND agent = ANY ($2::bpchar[])
         GROUP BY agent`,
        [ownerAccount(ownerId), agents],
      )
      return new Map(rows.map(({ agent, credits }) => [agent, safeNumber(credits)]))
    },

    moveOwner: (fromId, toId) =>
      inTransaction(pool, async (tx) => {
        await lockClaims(tx, 'exclusive')
        // A key of the guest's may be one that the account has used: it keeps its own meaning.
        const { rowCount } = await tx.query(
          'UPDATE jobs SET owner_id = $2, idempotency_key = NULL WHERE owner_id = $1',
          [fromId, toId],
        )
        const [from, to] = [ownerAccount(fromId), ownerAccount(toId)]
        await openAccounts(tx, [from, to])
        await lockAccounts(tx, [from, to, ESCROW])
        const { rows } = await tx.query<{ id: string; job_id: string; amount: string; left_ms: string }>(
          `SELECT h.id, h.job_id, h.amount,
             greatest(0, extract(epoch FROM h.expires_at - clock_timestamp()) * 1000)::bigint AS left_ms
           FROM (${OPEN_HOLDS} AND h.debit_account = $1) AS h ORDER BY h.seq`,
          [from],
        )
        const holds = rows.map((row) => ({ ...row, amount: safeNumber(row.amount) }))
        await addTransfers(
          tx,
          holds.map(({ id, job_id, amount }) => ({
            id: transferId('resolve', id),
            flag: 'void_pending' as const,
            code: 'release' as const,
            debit: from,
            credit: ESCROW,
            amount,
            pending_id: id,
            job_id,
          })),
        )
        const credits = await moveAll(tx, from, to, 'move')
        await addTransfers(
          tx,
          holds.map(({ job_id, amount, left_ms }) => ({
            ...holdTransfer(job_id, toId, amount, 0),
            timeout_ms: safeNumber(left_ms),
          })),
        )
        return { credits, jobs: rowCount ?? 0 }
      }),

    async overdueJobs(limit) {
      const { rows } = await pool.query<{ job_id: string }>(
        `${OPEN_HOLDS} AND h.expires_at < now() ORDER BY h.expires_at LIMIT $1`,
        [limit],
      )
      return rows.map(({ job_id }) => job_id)
    },
  }
}

const OPEN_HOLDS = `SELECT h.id, h.seq, h.job_id, h.amount, h.created_at, h.expires_at FROM credit_transfers h
  WHERE h.flag = 'pending' AND NOT EXISTS (SELECT FROM credit_transfers r WHERE r.pending_id = h.id)`

/** An account's transfers as changes of what is available. `$1`: the account. */
const LINES = `
  SELECT t.seq, t.id, t.created_at AS time, t.code AS kind, t.job_id, t.agent, t.site_id,
    CASE t.flag WHEN 'posted' THEN -t.amount WHEN 'pending' THEN -t.amount
      WHEN 'post_pending' THEN held.amount - t.amount ELSE t.amount END AS change,
    CASE t.flag WHEN 'post_pending' THEN t.amount END AS charged
  FROM credit_transfers t LEFT JOIN credit_transfers held ON held.id = t.pending_id
  WHERE t.debit_account = $1
  UNION ALL
  SELECT t.seq, t.id, t.created_at, t.code, t.job_id, t.agent, t.site_id, t.amount, NULL
  FROM credit_transfers t WHERE t.credit_account = $1 AND t.flag = 'posted'`

interface StoredLine {
  readonly seq: string
  readonly id: string
  readonly time: Date
  readonly kind: string
  readonly job_id: string | null
  readonly agent: string | null
  readonly site_id: string | null
  readonly change: string
  readonly charged: string | null
}

function statementRow(row: StoredLine): StatementRow {
  return {
    seq: safeNumber(row.seq),
    id: row.id,
    time: row.time,
    kind: kindSchema.parse(row.kind),
    change: safeNumber(row.change),
    charged: row.charged === null ? null : safeNumber(row.charged),
    job_id: row.job_id,
    agent: row.agent,
    site_id: row.site_id,
  }
}

/** The key, then those that it has succeeded, one after the other. */
async function keysOf(tx: Transaction, agent: string): Promise<readonly string[]> {
  const { rows } = await tx.query<{ id: string }>(
    `WITH RECURSIVE keys (id, age) AS (
       SELECT $1::bpchar, 0
       UNION ALL SELECT a.id, k.age + 1 FROM agents AS a JOIN keys AS k ON a.successor = k.id
     ) SELECT id FROM keys ORDER BY age`,
    [agent],
  )
  return rows.map(({ id }) => id)
}

/** @throws ForgeError NOT_FOUND when there is no such agent, or another account has it */
async function ownAgent(tx: Transaction, agent: string, ownerId: string): Promise<void> {
  const { rows } = await tx.query<{ owner_id: string; kind: string }>(
    `SELECT a.owner_id, o.kind FROM agents a JOIN owners o ON o.id = a.owner_id
     WHERE a.id = $1::bpchar FOR NO KEY UPDATE OF a`,
    [agent],
  )
  const [row] = rows
  if (row === undefined || (row.kind !== 'network' && row.owner_id !== ownerId)) {
    throw new ForgeError('NOT_FOUND', 'there is no such device to claim', {
      hint: 'Claim it from the browser that holds its key; a device of another account cannot be claimed.',
    })
  }
  if (row.owner_id !== ownerId) {
    await tx.query('UPDATE agents SET owner_id = $2 WHERE id = $1::bpchar', [agent, ownerId])
  }
}

/** Moves everything that is available. @returns the credits moved */
async function moveAll(
  tx: Transaction,
  debit: string,
  credit: string,
  code: 'claim' | 'move',
  agent?: string,
): Promise<number> {
  await openAccounts(tx, [debit, credit])
  const from = (await lockAccounts(tx, [debit, credit])).get(debit)
  const credits = from === undefined ? 0 : availableOf(from)
  if (from === undefined || credits === 0) return 0
  await addTransfers(tx, [
    {
      // An account that earns again can be moved again: what it has earned so far tells the moves apart.
      id: transferId(code, debit, credit, from.credits_posted),
      flag: 'posted',
      code,
      debit,
      credit,
      amount: credits,
      ...(agent === undefined ? {} : { agent }),
    },
  ])
  return credits
}
