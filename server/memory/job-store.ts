import { z } from 'zod'
import {
  failureView,
  type JobState,
  jobPrioritySchema,
  jobStateSchema,
  progressView,
  visibilitySchema,
} from '../../kernel/api.ts'
import { invariant } from '../../kernel/errors.ts'
import type { jobs as StoredJob } from '../../prisma/generated/client.ts'
import { endClaims } from './chunk-store.ts'
import type { Database } from './database.ts'
import { type BillingTerms, holdPrice, resolveHold } from './job-billing.ts'
import { lockClaims } from './ledger.ts'
import type { ArtifactRow, JobRow, JobStore } from './ports/jobs.ts'
import { safeNumber } from './rows.ts'
import { basisHolds } from './settlement-basis.ts'
import { inTransaction, type Transaction } from './transaction.ts'

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

const storedBill = z.strictObject({ computation: z.int(), verification: z.int(), referee: z.int() })

/** Jobs in PostgreSQL, and with every beginning and end of one its money. */
export function createJobStore(
  { pool, prisma }: Pick<Database, 'pool' | 'prisma'>,
  terms: BillingTerms,
): JobStore {
  const find = async (id: string): Promise<JobRow | undefined> => {
    const row = await prisma.jobs.findUnique({ where: { id } })
    return row === null ? undefined : jobRow(row)
  }

  return {
    async insert(job) {
      const { idempotency_key } = job
      const created = await inTransaction(pool, async (tx) => {
        await lockClaims(tx, 'shared')
        if (!(await insertRow(tx, job))) return false
        await holdPrice(tx, job)
        return true
      })
      if (created) {
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

    async setPaused(id, isPaused) {
      const { count } = await prisma.jobs.updateMany({
        where: { id, state: { notIn: [...FINAL] }, paused_at: isPaused ? null : { not: null } },
        data: { paused_at: isPaused ? new Date() : null },
      })
      return count > 0 || (await isUnfinished(prisma, id))
    },

    async setPriority(id, priority) {
      const where = { id, state: { notIn: [...FINAL] } }
      return (await prisma.jobs.updateMany({ where, data: { priority } })).count > 0
    },

    async unfinished(ownerId) {
      const rows = await prisma.jobs.findMany({
        where: { state: { notIn: [...FINAL] }, ...(ownerId !== undefined && { owner_id: ownerId }) },
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
      if (!FINAL.includes(to)) return move(pool, id, from, to, more)
      return inTransaction(pool, async (tx) => {
        await lockClaims(tx, 'shared')
        if (!(await move(tx, id, from, to, more))) return false
        await endClaims(tx, id)
        await resolveHold(tx, id, terms, more?.covered_shards ?? null)
        return true
      })
    },

    async settle(id, settlement) {
      const { result, result_digest, headline, artifacts, progress, covered_shards, basis } = settlement
      return inTransaction(pool, async (tx) => {
        await lockClaims(tx, 'shared')
        if (basis !== undefined && !(await basisHolds(tx, id, basis))) return false
        const { rowCount } = await tx.query(
          `UPDATE jobs SET state = 'settled', finished_at = now(), result = $2, result_digest = $3, headline = $4,
             artifacts = $5::jsonb, progress = $6::jsonb, covered_shards = $7
           WHERE id = $1 AND state IN ('running', 'verifying')`,
          [
            id,
            result,
            result_digest,
            headline,
            JSON.stringify(artifacts),
            JSON.stringify(progress),
            covered_shards,
          ],
        )
        if (rowCount !== 1) return false
        await endClaims(tx, id)
        await resolveHold(tx, id, terms, covered_shards)
        return true
      })
    },
  }
}

async function isUnfinished(prisma: Database['prisma'], id: string): Promise<boolean> {
  return (await prisma.jobs.count({ where: { id, state: { notIn: [...FINAL] } } })) > 0
}

/** @returns false when its id, or its owner's idempotency key, is there already */
async function insertRow(tx: Transaction, job: Parameters<JobStore['insert']>[0]): Promise<boolean> {
  const { rowCount } = await tx.query(
    `INSERT INTO jobs (id, owner_id, idempotency_key, op, contract, contract_hash, replay_key, plan_digest,
       shard_count, work_units, shard_price, hold, priority)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING`,
    [
      job.id,
      job.owner_id,
      job.idempotency_key ?? null,
      job.op,
      job.canonical,
      job.contract_hash,
      job.replay_key,
      job.plan_digest,
      job.shard_count,
      job.work_units,
      job.shard_price,
      job.hold,
      job.priority ?? 'normal',
    ],
  )
  return rowCount === 1
}

async function move(
  on: Transaction,
  id: string,
  from: readonly JobState[],
  to: JobState,
  more: Parameters<JobStore['transition']>[3],
): Promise<boolean> {
  const { rowCount } = await on.query(
    `UPDATE jobs SET state = $3,
       started_at = CASE WHEN $3 = 'running' THEN coalesce(started_at, now()) ELSE started_at END,
       finished_at = CASE WHEN $3 = ANY ($4) THEN now() END,
       failure = coalesce($5::jsonb, failure),
       progress = coalesce($6::jsonb, progress),
       covered_shards = coalesce($7, covered_shards)
     WHERE id = $1 AND state = ANY ($2)`,
    [
      id,
      from,
      to,
      FINAL,
      jsonOrNull(more?.failure),
      jsonOrNull(more?.progress),
      more?.covered_shards ?? null,
    ],
  )
  return rowCount === 1
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
    priority,
    shard_count,
    work_units,
    shard_price,
    hold,
    bill,
    covered_shards,
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
    priority: jobPrioritySchema.parse(priority),
    shard_count: safeNumber(shard_count),
    work_units: safeNumber(work_units),
    shard_price: shard_price === null ? null : safeNumber(shard_price),
    hold: hold === null ? null : safeNumber(hold),
    bill: storedBill.nullable().parse(bill),
    covered_shards: covered_shards === null ? null : safeNumber(covered_shards),
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
