import { createHash } from 'node:crypto'
import { safeNumber } from './rows.ts'
import type { Transaction } from './transaction.ts'

/**
 * Reading and writing the ledger inside a transaction. The rules stand in the database (migration `credits`); this file
 * keeps to the order of locks in which no two transactions wait for each other:
 *
 *  1. the claims lock, 2. the hub's fence, 3. rows of `jobs` and `agents`, 4. new rows of `credit_accounts` in the order
 *  of their ids, 5. locks of `credit_accounts` in the order of their ids, 6. transfers.
 */

/** Holds wait here, and a charge passes through on its way to those who did the work. */
export const ESCROW = 'escrow'
/** Fees, and what the hub's own machines earn. */
export const NETWORK = 'network'
/** Where test credits come from; the only account below zero. */
export const GRANTS = 'grants'

/** Advisory lock "whose money is whose": shared by those who pay, exclusive for those who claim or move accounts. */
const CLAIMS_LOCK = 0x63726564

export function ownerAccount(ownerId: string): string {
  return `owner:${ownerId}`
}

/** Of an anonymous agent: what it earns until somebody claims it. */
export function agentAccount(agent: string): string {
  return `agent:${agent}`
}

export type TransferCode =
  | 'grant'
  | 'hold'
  | 'charge'
  | 'release'
  | 'contribution'
  | 'site'
  | 'network_work'
  | 'fee'
  | 'refund'
  | 'claim'
  | 'move'

export interface NewTransfer {
  readonly id: string
  readonly flag: 'posted' | 'pending' | 'post_pending' | 'void_pending'
  readonly code: TransferCode
  readonly debit: string
  readonly credit: string
  readonly amount: number
  readonly pending_id?: string
  /** Of a pending transfer: given up after so many milliseconds. */
  readonly timeout_ms?: number
  readonly job_id?: string
  readonly agent?: string
  readonly site_id?: string
}

/** A UUID made from what a transfer is for, so that the same one cannot be stored twice. */
export function transferId(...purpose: readonly (string | number)[]): string {
  const hex = createHash('sha256')
    .update(JSON.stringify(['forge/transfer/1', ...purpose]))
    .digest('hex')
  // RFC 9562 version 8: the bits are ours.
  const variant = ((Number.parseInt(hex.slice(16, 17), 16) & 3) | 8).toString(16)
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(17, 20),
    hex.slice(20, 32),
  ].join('-')
}

export async function lockClaims(tx: Transaction, mode: 'shared' | 'exclusive'): Promise<void> {
  const lock = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  await tx.query(`SELECT ${lock}($1)`, [CLAIMS_LOCK])
}

/** Makes the accounts that are not there yet: `owner:…` and `agent:…`. */
export async function openAccounts(tx: Transaction, ids: readonly string[]): Promise<void> {
  await tx.query(
    `INSERT INTO credit_accounts (id, kind, owner_id, agent)
     SELECT id, split_part(id, ':', 1),
       CASE WHEN id LIKE 'owner:%' THEN split_part(id, ':', 2)::uuid END,
       CASE WHEN id LIKE 'agent:%' THEN split_part(id, ':', 2) END
     FROM unnest($1::text[]) AS wanted (id)
     WHERE (id LIKE 'owner:%' OR id LIKE 'agent:%')
       AND NOT EXISTS (SELECT FROM credit_accounts known WHERE known.id = wanted.id)
     ORDER BY id ON CONFLICT (id) DO NOTHING`,
    [[...new Set(ids)].sort()],
  )
}

export interface Counters {
  readonly debits_pending: number
  readonly debits_posted: number
  readonly credits_pending: number
  readonly credits_posted: number
}

/** What the account may still spend. */
export function availableOf({ credits_posted, debits_posted, debits_pending }: Counters): number {
  return credits_posted - debits_posted - debits_pending
}

/** Locks the accounts until the end of the transaction. @returns their counters; an unknown account is left out */
export async function lockAccounts(
  tx: Transaction,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Counters>> {
  const { rows } = await tx.query<{ id: string } & Record<keyof Counters, string>>(
    `SELECT id, debits_pending, debits_posted, credits_pending, credits_posted
     FROM credit_accounts WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE`,
    [[...new Set(ids)]],
  )
  return new Map(
    rows.map((row) => [
      row.id,
      {
        debits_pending: safeNumber(row.debits_pending),
        debits_posted: safeNumber(row.debits_posted),
        credits_pending: safeNumber(row.credits_pending),
        credits_posted: safeNumber(row.credits_posted),
      },
    ]),
  )
}

/**
 * Adds transfers in one statement. One that is there already is left as it is. Lock the accounts first.
 * @returns the ids of those that are new
 */
export async function addTransfers(
  tx: Transaction,
  transfers: readonly NewTransfer[],
): Promise<readonly string[]> {
  if (transfers.length === 0) return []
  const column = (read: (transfer: NewTransfer) => unknown) => transfers.map((one) => read(one) ?? null)
  const { rows } = await tx.query<{ id: string }>(
    `INSERT INTO credit_transfers
       (id, flag, code, debit_account, credit_account, amount, pending_id, expires_at, job_id, agent, site_id)
     SELECT id, flag, code, debit, credit, amount, pending_id, clock_timestamp() + timeout_ms * interval '1 ms',
       job_id, agent, site_id
     FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::uuid[], $8::bigint[],
       $9::uuid[], $10::text[], $11::uuid[])
       WITH ORDINALITY AS t (id, flag, code, debit, credit, amount, pending_id, timeout_ms, job_id, agent, site_id, at)
     ORDER BY at ON CONFLICT (id) DO NOTHING RETURNING id`,
    [
      column(({ id }) => id),
      column(({ flag }) => flag),
      column(({ code }) => code),
      column(({ debit }) => debit),
      column(({ credit }) => credit),
      column(({ amount }) => amount),
      column(({ pending_id }) => pending_id),
      column(({ timeout_ms }) => timeout_ms),
      column(({ job_id }) => job_id),
      column(({ agent }) => agent),
      column(({ site_id }) => site_id),
    ],
  )
  return rows.map(({ id }) => id)
}
