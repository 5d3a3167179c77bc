import { invariant } from '../../kernel/errors.ts'
import type { StoredReceipt } from '../../kernel/evidence/assemble.ts'
import { receiptSchema } from '../../kernel/evidence/receipts.ts'
import type { SignedSuccession } from '../../kernel/succession.ts'
import type { Database } from './database.ts'
import type { LogEntry, LogHead, NewLogEntry, RecordStore } from './ports/records.ts'
import { safeNumber } from './rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

/** An agent that has been away for longer is told to trust anew. */
const SUCCESSIONS_SHOWN = 64

/** Numbers entries without gaps, across all servers of a database. */
const APPEND_LOCK = "pg_advisory_xact_lock(hashtext('forge/log/append'))"
/** One server publishes at a time. */
const PUBLISH_LOCK = "pg_try_advisory_xact_lock(hashtext('forge/log/publish'))"

interface EntryRow {
  readonly index: string
  readonly kind: 'record' | 'correction'
  readonly job_id: string
  readonly corrects: string | null
  readonly envelope: string
  readonly trace: string
  readonly receipts: string
  readonly created_at: Date
}

/** The ledger of job records in PostgreSQL. */
export function createRecordStore({ pool }: Pick<Database, 'pool'>): RecordStore {
  return {
    async identity(proposed) {
      await pool.query(
        'INSERT INTO log_identity (origin, vkey) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING',
        [proposed.origin, proposed.vkey],
      )
      const { rows } = await pool.query<{ origin: string; vkey: string }>(
        'SELECT origin, vkey FROM log_identity',
      )
      invariant(rows[0] !== undefined, 'the ledger has a name')
      return rows[0]
    },

    async signWithHubKey(own) {
      // One statement: at no instant do two keys sign, or none.
      await pool.query(
        `WITH own AS (
           INSERT INTO hub_keys (public_key) VALUES ($1)
           ON CONFLICT (public_key) DO UPDATE SET retired_at = NULL
         )
         UPDATE hub_keys SET retired_at = now() WHERE public_key <> $1 AND retired_at IS NULL`,
        [Buffer.from(own)],
      )
    },

    async handOver({ from, to, from_signature, to_signature }) {
      await pool.query(
        `INSERT INTO hub_successions (from_key, to_key, from_signature, to_signature) VALUES ($1, $2, $3, $4)
         ON CONFLICT DO NOTHING`,
        [from, to, from_signature, to_signature].map((bytes) => Buffer.from(bytes)),
      )
    },

    async successions() {
      const { rows } = await pool.query<Record<keyof SignedSuccession, Buffer>>(
        `SELECT from_key AS "from", to_key AS "to", from_signature, to_signature
         FROM (SELECT * FROM hub_successions ORDER BY created_at DESC LIMIT ${SUCCESSIONS_SHOWN}) AS newest
         ORDER BY created_at`,
      )
      return rows.map((row) => ({
        from: new Uint8Array(row.from),
        to: new Uint8Array(row.to),
        from_signature: new Uint8Array(row.from_signature),
        to_signature: new Uint8Array(row.to_signature),
      }))
    },

    async hubKeys() {
      const { rows } = await pool.query<{ public_key: Buffer; created_at: Date; retired_at: Date | null }>(
        'SELECT public_key, created_at, retired_at FROM hub_keys ORDER BY created_at, public_key',
      )
      return rows.map((row) => ({ ...row, public_key: new Uint8Array(row.public_key) }))
    },

    async unrecorded(limit) {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT j.id FROM jobs AS j, log_identity AS l
         WHERE j.state = 'settled' AND j.replay_of IS NULL AND j.created_at >= l.created_at
           AND NOT EXISTS (SELECT FROM log_entries AS e WHERE e.job_id = j.id AND e.kind = 'record')
         ORDER BY j.finished_at, j.id LIMIT $1`,
        [limit],
      )
      return rows.map(({ id }) => id)
    },

    async receipts(jobId) {
      const { rows } = await pool.query<{ receipt: unknown; signature: Buffer; public_key: Buffer | null }>(
        `SELECT r.receipt, r.signature, a.public_key
         FROM receipts AS r JOIN agents AS a ON a.id = r.agent WHERE r.job_id = $1`,
        [jobId],
      )
      return rows.flatMap(({ receipt, signature, public_key }): StoredReceipt[] =>
        public_key === null
          ? []
          : [
              {
                receipt: receiptSchema.parse(receipt),
                publicKey: new Uint8Array(public_key),
                signature: new Uint8Array(signature),
              },
            ],
      )
    },

    async withheld(jobId) {
      const { rows } = await pool.query<{
        epoch: string
        lease_id: string
        first_shard: number
        digests: Buffer
      }>('SELECT epoch, lease_id, first_shard, digests FROM withheld_digests WHERE job_id = $1', [jobId])
      return rows.map(({ epoch, lease_id, first_shard, digests }) => ({
        epoch: safeNumber(epoch),
        lease_id,
        first: first_shard,
        digests: new Uint8Array(digests),
      }))
    },

    append: (entries) =>
      inTransaction(pool, async (tx) => {
        await lockLog(tx)
        return appendLocked(tx, entries)
      }),

    async size() {
      const { rows } = await pool.query<{ size: string }>(
        'SELECT coalesce(max(index) + 1, 0) AS size FROM log_entries',
      )
      return safeNumber(rows[0]?.size ?? '0')
    },

    async leaves(first, end) {
      const { rows } = await pool.query<{ leaf: Buffer; leaf_hash: Buffer }>(
        'SELECT leaf, leaf_hash FROM log_entries WHERE index >= $1 AND index < $2 ORDER BY index',
        [first, end],
      )
      invariant(rows.length === end - first, `the ledger has every entry from ${first} to ${end}`)
      return rows.map(({ leaf, leaf_hash }) => ({
        leaf: new Uint8Array(leaf),
        hash: new Uint8Array(leaf_hash),
      }))
    },

    async publicRecords(from, limit) {
      const { rows } = await pool.query<{ index: string; job_id: string; settled_at: Date }>(
        `SELECT e.index, e.job_id, j.finished_at AS settled_at
         FROM log_entries AS e JOIN jobs AS j ON j.id = e.job_id
         WHERE e.kind = 'record' AND e.index >= $1 AND j.visibility = 'public' ORDER BY e.index LIMIT $2`,
        [from, limit],
      )
      return rows.map((row) => ({ ...row, index: safeNumber(row.index) }))
    },

    ofJob: (jobId) => entriesOfJob(pool, jobId),

    head,

    async noteAt(size) {
      const { rows } = await pool.query<{ note: string }>(
        'SELECT note FROM log_checkpoints WHERE size = $1',
        [size],
      )
      return rows[0]?.note
    },

    publishing: (work) =>
      inTransaction(pool, async (tx) => {
        const { rows } = await tx.query<{ mine: boolean }>(`SELECT ${PUBLISH_LOCK} AS mine`)
        if (rows[0]?.mine !== true) return false
        await work(await headOf(tx), async ({ size, note }) => {
          await tx.query('INSERT INTO log_checkpoints (size, note) VALUES ($1, $2)', [size, note])
        })
        return true
      }),

    async cosigned({ size, note }) {
      await pool.query('UPDATE log_checkpoints SET note = $2 WHERE size = $1 AND length(note) < length($2)', [
        size,
        note,
      ])
    },
  }

  function head(): Promise<LogHead | undefined> {
    return headOf(pool)
  }
}

async function headOf(tx: Transaction | Database['pool']): Promise<LogHead | undefined> {
  const { rows } = await tx.query<{ size: string; note: string }>(
    'SELECT size, note FROM log_checkpoints ORDER BY size DESC LIMIT 1',
  )
  return rows[0] === undefined ? undefined : { size: safeNumber(rows[0].size), note: rows[0].note }
}

/** Until the end of the transaction nobody else appends. */
export async function lockLog(tx: Transaction): Promise<void> {
  await tx.query(`SELECT ${APPEND_LOCK}`)
}

/** Under `lockLog`. A job that has a record keeps it: whoever asks twice gets the first one's index. */
export async function appendLocked(
  tx: Transaction,
  entries: readonly NewLogEntry[],
): Promise<readonly number[]> {
  const { rows } = await tx.query<{ job_id: string; index: string }>(
    `WITH given AS (
       SELECT * FROM unnest($1::text[], $2::uuid[], $3::bigint[], $4::bytea[], $5::text[], $6::text[], $7::text[])
         WITH ORDINALITY AS g (kind, job_id, corrects, leaf, envelope, trace, receipts, at)
     ), fresh AS (
       SELECT g.*, row_number() OVER (ORDER BY g.at) - 1 AS place FROM given AS g
       WHERE g.kind = 'correction'
          OR NOT EXISTS (SELECT FROM log_entries AS e WHERE e.job_id = g.job_id AND e.kind = 'record')
     )
     INSERT INTO log_entries (index, kind, job_id, corrects, leaf, leaf_hash, envelope, trace, receipts)
     SELECT (SELECT coalesce(max(index) + 1, 0) FROM log_entries) + f.place, f.kind, f.job_id, f.corrects, f.leaf,
            sha256('\\x00'::bytea || f.leaf), f.envelope, f.trace, f.receipts
     FROM fresh AS f ORDER BY f.place
     RETURNING job_id, index`,
    [
      entries.map(({ kind }) => kind),
      entries.map(({ job_id }) => job_id),
      entries.map(({ corrects }) => corrects ?? null),
      entries.map(({ leaf }) => Buffer.from(leaf)),
      entries.map(({ envelope }) => envelope),
      entries.map(({ trace }) => trace),
      entries.map(({ receipts }) => receipts),
    ],
  )
  return rows.map(({ index }) => safeNumber(index))
}

/** The record of a job and its corrections, the earliest first. */
export async function entriesOfJob(
  on: Transaction | Database['pool'],
  jobId: string,
): Promise<readonly LogEntry[]> {
  const { rows } = await on.query<EntryRow>(
    `SELECT index, kind, job_id, corrects, envelope, trace, receipts, created_at
     FROM log_entries WHERE job_id = $1 ORDER BY index`,
    [jobId],
  )
  return rows.map(entryOf)
}

function entryOf(row: EntryRow): LogEntry {
  return {
    index: safeNumber(row.index),
    kind: row.kind,
    job_id: row.job_id,
    corrects: row.corrects === null ? undefined : safeNumber(row.corrects),
    envelope: row.envelope,
    trace: row.trace,
    receipts: row.receipts,
    created_at: row.created_at,
  }
}
