import type pg from 'pg'
import { z } from 'zod'
import { invariant } from '../../kernel/errors.ts'
import { safeNumber } from './rows.ts'
import type { Transaction } from './transaction.ts'

/** First key of the advisory locks by which hubs show that they live; the second is the hub's epoch. */
export const HUB_LOCK = 0x66_68_75_62
/** Keys of advisory locks are four bytes, epochs eight. */
const LOCK_KEYS = 2 ** 31
/** Claims that another hub took in between are tried again so often. */
const CLAIM_ATTEMPTS = 8

/** @returns the key of a hub's advisory lock */
export function hubLockKey(epoch: number): number {
  return epoch % LOCK_KEYS
}

type Range = readonly [first: number, count: number]

/** A chunk that is claimed. */
export interface ClaimedRow {
  readonly chunk: number
  readonly first: number
  readonly count: number
  readonly epoch: number
  /** Durable shards; undefined when somebody has worked on the chunk and the results must be asked. */
  readonly accepted: readonly Range[] | undefined
}

export interface ClaimWish {
  readonly job_id: string
  /** Epoch of the hub that claims. */
  readonly holder: number
  readonly wanted: number
  readonly lease_ms: number
  /** Only these chunks; else any. */
  readonly among?: readonly number[]
}

/** Where a job's chunks stand. */
export interface QueueState {
  readonly drained: boolean
  /** There are chunks that nobody holds. */
  readonly available: boolean
}

/**
 * Which hub works on which chunk of a job, in PostgreSQL. Its rows are what a commit of results is fenced by
 * (result-store.ts), so every claim is made here, whatever queue has handed the chunk out.
 */
export interface ChunkStore {
  /**
   * Opens a job's queue. Published again, it takes note of chunks that are done without anybody's having said so: a hub
   * may die between the last commit and that word.
   * A job that has ended, or ends meanwhile, stays closed.
   * @param begun chunks with durable shards: of those that are done no ranges are needed
   * @returns whether every chunk is done; of a job that has ended not
   */
  publish(
    job: { readonly job_id: string; readonly shard_count: number; readonly chunk_shards: number },
    begun: readonly { readonly chunk: number; readonly done: boolean; readonly accepted: readonly Range[] }[],
  ): Promise<{ readonly drained: boolean }>
  /**
   * Claims chunks that nobody holds: given back, left by a hub that has died or whose claim has run out, or untouched.
   * `exhausted`: there are no more. Nothing of a job that has ended or was never published.
   */
  claim(wish: ClaimWish): Promise<{ readonly chunks: readonly ClaimedRow[]; readonly exhausted: boolean }>
  /** @returns false when the claim is over; one that has run out and that nobody else took goes on */
  extend(job_id: string, chunk: number, epoch: number, lease_ms: number): Promise<boolean>
  /** @returns undefined when the claim is over, else whether every chunk is done. Asked again it answers again. */
  finish(job_id: string, chunk: number, epoch: number): Promise<{ readonly drained: boolean } | undefined>
  /** @returns false when the claim is over */
  giveBack(job_id: string, chunk: number, epoch: number, accepted: readonly Range[]): Promise<boolean>
  /** Closes a job's queue: no claim of it is valid any more. */
  withdraw(job_id: string): Promise<void>
  /** Of the jobs that are published. */
  survey(job_ids: readonly string[]): Promise<ReadonlyMap<string, QueueState>>
  /** Chunks that nobody holds and that are not done, from the first, at most so many. `epoch`: of the last claim, or 0. */
  free(job_id: string, limit: number): Promise<readonly { readonly chunk: number; readonly epoch: number }[]>
}

const storedRanges = z.array(z.tuple([z.int(), z.int()]))

const ALIVE = `alive AS MATERIALIZED (SELECT objid::bigint AS key FROM pg_locks
  WHERE locktype = 'advisory' AND classid = ${HUB_LOCK} AND objsubid = 2 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
/** Of a row `c`: it can be claimed. */
const IS_FREE = `NOT c.done AND (c.holder IS NULL OR c.expires_at <= clock_timestamp()
  OR NOT EXISTS (SELECT FROM alive WHERE alive.key = c.holder % ${LOCK_KEYS}))`
const CHUNK_COUNT = '((q.shard_count - 1) / q.chunk_shards + 1)'

const CLAIM = `WITH job AS MATERIALIZED (
    SELECT q.job_id, q.shard_count, q.chunk_shards, ${CHUNK_COUNT} AS chunk_count
    FROM jobs j JOIN chunk_queues q ON q.job_id = j.id
    WHERE j.id = $1::uuid AND j.finished_at IS NULL FOR SHARE OF j),
  ${ALIVE},
  left_over AS MATERIALIZED (
    SELECT c.chunk, c.accepted FROM job JOIN job_chunks c ON c.job_id = job.job_id
    WHERE ${IS_FREE} AND ($5::int[] IS NULL OR c.chunk = ANY ($5))
    ORDER BY c.chunk LIMIT $2::int + 1 FOR UPDATE OF c SKIP LOCKED),
  untouched AS MATERIALIZED (
    SELECT n.chunk FROM job, generate_series(0, job.chunk_count - 1) AS n (chunk)
    WHERE NOT EXISTS (SELECT FROM job_chunks c WHERE c.job_id = job.job_id AND c.chunk = n.chunk)
      AND ($5::int[] IS NULL OR n.chunk = ANY ($5))
    ORDER BY n.chunk LIMIT greatest(0, $2::int + 1 - (SELECT count(*) FROM left_over))),
  renewed AS (
    UPDATE job_chunks c SET epoch = nextval('job_chunks_epoch_seq'), holder = $3::bigint, accepted = NULL,
      expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
    FROM (SELECT * FROM left_over ORDER BY chunk LIMIT $2::int) AS l
    WHERE c.job_id = $1::uuid AND c.chunk = l.chunk
    RETURNING c.chunk, c.epoch, l.accepted),
  begun AS (
    INSERT INTO job_chunks (job_id, chunk, holder, expires_at)
    SELECT job.job_id, u.chunk, $3::bigint, clock_timestamp() + $4::float8 * interval '1 millisecond'
    FROM job, (SELECT chunk FROM untouched ORDER BY chunk
      LIMIT greatest(0, $2::int - (SELECT count(*) FROM left_over))) AS u
    ON CONFLICT (job_id, chunk) DO NOTHING RETURNING chunk, epoch),
  claimed AS (
    SELECT chunk, epoch, accepted FROM renewed UNION ALL SELECT chunk, epoch, '[]'::jsonb FROM begun)
  SELECT job.shard_count, job.chunk_shards, (SELECT count(*) FROM left_over) + (SELECT count(*) FROM untouched) AS seen,
    claimed.chunk, claimed.epoch, claimed.accepted
  FROM job LEFT JOIN claimed ON true ORDER BY claimed.chunk`

interface ClaimAnswer {
  readonly shard_count: number
  readonly chunk_shards: number
  readonly seen: string
  readonly chunk: number | null
  readonly epoch: string | null
  readonly accepted: unknown
}

/**
 * Chunks in PostgreSQL. Times are the database's; a hub that holds a chunk shows that it lives by an advisory lock of its
 * own connection (hub-presence.ts), which vanishes with the process: what it held is free at once, and not only when
 * its claims run out.
 */
export function createChunkStore(pool: pg.Pool): ChunkStore {
  return {
    async publish({ job_id, shard_count, chunk_shards }, begun) {
      const done = begun.filter((chunk) => chunk.done).length
      for (;;) {
        const { rows } = await pool.query<{ ended: boolean; inserted: boolean; drained: boolean | null }>(
          // Whoever ends the job changes its row first: it is locked before any chunk is.
          `WITH job AS MATERIALIZED (SELECT id FROM jobs WHERE id = $1::uuid AND finished_at IS NULL FOR SHARE),
           queue AS (
             INSERT INTO chunk_queues (job_id, shard_count, chunk_shards, done_chunks)
             SELECT id, $2::int, $3::int, $4::int FROM job
             ON CONFLICT (job_id) DO NOTHING RETURNING job_id),
           chunks AS (
             INSERT INTO job_chunks (job_id, chunk, done, accepted)
             SELECT job.id, b.chunk, b.done, CASE WHEN NOT b.done THEN b.accepted::jsonb END
             FROM job, unnest($5::int[], $6::boolean[], $7::text[]) AS b (chunk, done, accepted)
             WHERE b.done OR EXISTS (SELECT FROM queue) ORDER BY b.chunk
             ON CONFLICT (job_id, chunk) DO UPDATE SET done = true, holder = NULL, expires_at = NULL, accepted = NULL
             WHERE EXCLUDED.done AND NOT job_chunks.done RETURNING done),
           counted AS (
             UPDATE chunk_queues q SET done_chunks = q.done_chunks + (SELECT count(*) FROM chunks WHERE done)
             FROM job WHERE q.job_id = job.id RETURNING q.done_chunks = ${CHUNK_COUNT} AS drained)
           SELECT NOT EXISTS (SELECT FROM job) AS ended, EXISTS (SELECT FROM queue) AS inserted,
             (SELECT drained FROM counted) AS drained`,
          [
            job_id,
            shard_count,
            chunk_shards,
            done,
            begun.map(({ chunk }) => chunk),
            begun.map((chunk) => chunk.done),
            begun.map(({ accepted }) => JSON.stringify(accepted)),
          ],
        )
        const [answer] = rows
        if (answer?.ended === true) return { drained: false }
        if (answer?.inserted === true) return { drained: done === Math.ceil(shard_count / chunk_shards) }
        // Neither inserted nor seen: another hub published in this very moment.
        if (answer?.drained !== null && answer?.drained !== undefined) return { drained: answer.drained }
      }
    },

    async claim({ job_id, holder, wanted, lease_ms, among }) {
      for (let attempt = 1; ; attempt++) {
        const { rows } = await pool.query<ClaimAnswer>(CLAIM, [
          job_id,
          wanted,
          holder,
          lease_ms,
          among ?? null,
        ])
        const chunks = rows.flatMap((row) => claimedRow(row) ?? [])
        const seen = Number(rows[0]?.seen ?? 0)
        // Another hub was faster with what was seen here: look again.
        if (chunks.length === 0 && seen > 0 && attempt < CLAIM_ATTEMPTS) continue
        return { chunks, exhausted: seen <= chunks.length }
      }
    },

    async extend(job_id, chunk, epoch, lease_ms) {
      const { rowCount } = await pool.query(
        `UPDATE job_chunks SET expires_at = clock_timestamp() + $4::float8 * interval '1 millisecond'
         WHERE job_id = $1 AND chunk = $2 AND epoch = $3 AND holder IS NOT NULL`,
        [job_id, chunk, epoch, lease_ms],
      )
      return rowCount === 1
    },

    async finish(job_id, chunk, epoch) {
      const { rows } = await pool.query<{ held: boolean; drained: boolean | null }>(
        `WITH finished AS (
           UPDATE job_chunks SET done = true, holder = NULL, expires_at = NULL, accepted = NULL
           WHERE job_id = $1 AND chunk = $2 AND epoch = $3 AND NOT done RETURNING job_id),
         counted AS (
           UPDATE chunk_queues q SET done_chunks = q.done_chunks + 1 FROM finished WHERE q.job_id = finished.job_id
           RETURNING q.done_chunks = ${CHUNK_COUNT} AS drained)
         SELECT EXISTS (SELECT FROM finished)
             OR EXISTS (SELECT FROM job_chunks WHERE job_id = $1 AND chunk = $2 AND epoch = $3 AND done)
             OR NOT EXISTS (SELECT FROM chunk_queues WHERE job_id = $1) AS held,
           coalesce((SELECT drained FROM counted),
             (SELECT q.done_chunks = ${CHUNK_COUNT} FROM chunk_queues q WHERE q.job_id = $1)) AS drained`,
        [job_id, chunk, epoch],
      )
      const [answer] = rows
      return answer?.held === true ? { drained: answer.drained ?? false } : undefined
    },

    async giveBack(job_id, chunk, epoch, accepted) {
      const { rowCount } = await pool.query(
        `UPDATE job_chunks SET epoch = nextval('job_chunks_epoch_seq'), holder = NULL, expires_at = NULL, accepted = $4::jsonb
         WHERE job_id = $1 AND chunk = $2 AND epoch = $3 AND NOT done`,
        [job_id, chunk, epoch, JSON.stringify(accepted)],
      )
      return rowCount === 1
    },

    async withdraw(job_id) {
      await endClaims(pool, job_id)
    },

    async survey(job_ids) {
      const { rows } = await pool.query<QueueState & { job_id: string }>(
        `WITH ${ALIVE}
         SELECT q.job_id, q.done_chunks = ${CHUNK_COUNT} AS drained,
           (SELECT count(*) FROM job_chunks c WHERE c.job_id = q.job_id) < ${CHUNK_COUNT}
             OR EXISTS (SELECT FROM job_chunks c WHERE c.job_id = q.job_id AND ${IS_FREE}) AS available
         FROM chunk_queues q WHERE q.job_id = ANY ($1::uuid[])`,
        [job_ids],
      )
      return new Map(rows.map(({ job_id, drained, available }) => [job_id, { drained, available }]))
    },

    async free(job_id, limit) {
      const { rows } = await pool.query<{ chunk: number; epoch: string }>(
        `WITH ${ALIVE}
         SELECT n.chunk, coalesce(c.epoch, 0) AS epoch FROM chunk_queues q
         CROSS JOIN generate_series(0, ${CHUNK_COUNT} - 1) AS n (chunk)
         LEFT JOIN job_chunks c ON c.job_id = q.job_id AND c.chunk = n.chunk
         WHERE q.job_id = $1 AND (c.job_id IS NULL OR (${IS_FREE})) ORDER BY n.chunk LIMIT $2`,
        [job_id, limit],
      )
      return rows.map(({ chunk, epoch }) => ({ chunk, epoch: safeNumber(epoch) }))
    },
  }
}

function claimedRow({ chunk, epoch, accepted, ...job }: ClaimAnswer): ClaimedRow | undefined {
  if (chunk === null) return undefined
  invariant(epoch !== null, 'a claimed chunk has an epoch')
  const first = chunk * job.chunk_shards
  return {
    chunk,
    first,
    count: Math.min(job.chunk_shards, job.shard_count - first),
    epoch: safeNumber(epoch),
    accepted: accepted === null ? undefined : storedRanges.parse(accepted),
  }
}

/**
 * Ends every claim of a job that has ended or is withdrawn: commits under way are waited for, later ones are refused. In
 * the transaction of an end this follows the change of the job's row, which keeps new claims out.
 */
export async function endClaims(tx: Transaction, job_id: string): Promise<void> {
  await tx.query(
    `WITH locked AS MATERIALIZED (SELECT chunk FROM job_chunks WHERE job_id = $1 ORDER BY chunk FOR UPDATE),
     ended AS (DELETE FROM job_chunks WHERE job_id = $1 AND (SELECT count(*) FROM locked) >= 0)
     DELETE FROM chunk_queues WHERE job_id = $1`,
    [job_id],
  )
}
