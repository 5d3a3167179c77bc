import { z } from 'zod'
import {
  failureView,
  type JobState,
  jobStateSchema,
  progressView,
  visibilitySchema,
} from '../../kernel/api.ts'
import { invariant } from '../../kernel/errors.ts'
import type { jobs as StoredJob } from '../../prisma/generated/client.ts'
import type { Database } from './database.ts'
import type { ArtifactRow, JobRow, JobStore } from './ports.ts'
import { fenced } from './result-store.ts'
import { safeNumber } from './rows.ts'

const FINAL: readonly JobState[] = ['settled', 'failed', 'cancelled', 'expired']
const PAGE_LIMIT_ROWS = 1000

const storedArtifacts: z.ZodType<readonly ArtifactRow[]> = z.array(
  z.strictObject({
    name: z.string(),
    digest: z.string(),
    dtype: z.string(),
    shape: z.array(z.int()),
    bytes: z.int(),
  }),
)

/** Jobs in PostgreSQL. */
export function createJobStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): JobStore {
  const find = async (id: string): Promise<JobRow | undefined> => {
    const row = await prisma.jobs.findUnique({ where: { id } })
    return row === null ? undefined : jobRow(row)
  }

  return {
    async insert(job) {
      const { contract: _, canonical, idempotency_key, ...columns } = job
      const { count } = await prisma.jobs.createMany({
        data: { ...columns, contract: canonical, idempotency_key: idempotency_key ?? null },
        skipDuplicates: true,
      })
      if (count === 1) {
        const stored = await find(job.id)
        invariant(stored !== undefined, `job ${job.id} vanished`)
        return { job: stored, created: true }
      }
      // Either the key was used before, or this very id: the row that stood in the way is the answer.
      const earlier = await prisma.jobs.findFirst({
        where: {
          OR: [
            ...(idempotency_key === undefined ? [] : [{ owner_id: job.owner_id, idempotency_key }]),
            { id: job.id, owner_id: job.owner_id },
          ],
        },
      })
      invariant(earlier !== null, `job ${job.id} was neither stored nor there before`)
      return { job: jobRow(earlier), created: false }
    },

    get: find,

    async list({ limit, before, ...filter }) {
      const rows = await prisma.jobs.findMany({
        where: {
          ...('ownerId' in filter ? { owner_id: filter.ownerId } : { visibility: filter.visibility }),
          ...(before !== undefined && {
            OR: [
              { created_at: { lt: before.created_at } },
              { created_at: before.created_at, id: { lt: before.id } },
            ],
          }),
        },
        orderBy: [{ created_at: 'desc' }, { id: 'desc' }],
        take: Math.min(limit, PAGE_LIMIT_ROWS),
      })
      return rows.map(jobRow)
    },

    async setVisibility(id, visibility) {
      await prisma.jobs.updateMany({ where: { id }, data: { visibility } })
    },

    async unfinished() {
      const rows = await prisma.jobs.findMany({
        where: { state: { notIn: [...FINAL] } },
        orderBy: [{ created_at: 'asc' }, { id: 'asc' }],
      })
      return rows.map(jobRow)
    },

    async counts() {
      const [settled, groups] = await Promise.all([
        prisma.jobs.count({ where: { state: 'settled' } }),
        pool.query<{ shards: string }>('SELECT coalesce(sum(shard_count), 0) AS shards FROM result_groups'),
      ])
      return { settled, shards_accepted: safeNumber(groups.rows[0]?.shards ?? '0') }
    },

    async transition(id, from, to, more) {
      const { rowCount } = await pool.query(
        `UPDATE jobs SET state = $3,
           started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, now()) ELSE started_at END,
           finished_at = CASE WHEN $3 = ANY ($4) THEN now() END,
           failure = coalesce($5::jsonb, failure),
           progress = coalesce($6::jsonb, progress)
         WHERE id = $1 AND state = ANY ($2)`,
        [id, from, to, FINAL, jsonOrNull(more?.failure), jsonOrNull(more?.progress)],
      )
      return rowCount === 1
    },

    async settle(id, epoch, settlement) {
      const { result, result_digest, headline, artifacts, progress } = settlement
      // The fence as in result-store.ts: one statement, so nothing can come between.
      const { rows } = await pool.query<{ open: boolean; settled: boolean }>(
        `WITH fence AS (SELECT epoch FROM hub_fence WHERE epoch = $2::bigint FOR SHARE),
         job AS (
           UPDATE jobs SET state = 'settled', finished_at = now(), result = $3, result_digest = $4, headline = $5,
             artifacts = $6::jsonb, progress = $7::jsonb
           FROM fence WHERE id = $1 AND state IN ('running', 'verifying') RETURNING id)
         SELECT EXISTS (SELECT FROM fence) AS open, EXISTS (SELECT FROM job) AS settled`,
        [id, epoch, result, result_digest, headline, JSON.stringify(artifacts), JSON.stringify(progress)],
      )
      if (rows[0]?.open !== true) throw fenced(epoch)
      return rows[0].settled
    },
  }
}

function jsonOrNull(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

/** Reads a row as it was written; a row that does not parse was written by something else. */
function jobRow(row: StoredJob): JobRow {
  const {
    idempotency_key: _,
    contract,
    state,
    visibility,
    shard_count,
    work_units,
    progress,
    artifacts,
    failure,
    ...rest
  } = row
  return {
    ...rest,
    canonical: contract,
    state: jobStateSchema.parse(state),
    visibility: visibilitySchema.parse(visibility),
    shard_count: safeNumber(shard_count),
    work_units: safeNumber(work_units),
    progress: progressView.nullable().parse(progress),
    artifacts: storedArtifacts.parse(artifacts),
    failure: failureOf(failure),
  }
}

function failureOf(stored: unknown): JobRow['failure'] {
  const failure = failureView.nullable().parse(stored)
  if (failure === null) return null
  const { code, message, hint, path, retryable } = failure
  return {
    code,
    message,
    retryable,
    ...(hint === undefined ? {} : { hint }),
    ...(path === undefined ? {} : { path }),
  }
}
