import type pg from 'pg'
import { z } from 'zod'
import { type AcceptedRun, type AcceptedShard, acceptedShard } from '../../kernel/acceptance.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import { canaryFindings, canaryPart } from './canary-answers.ts'
import { GROUP_SHARD_LIMIT, packRuns, runBytes, unpackRuns } from './packed-results.ts'
import type {
  AcceptedGroup,
  CanaryAnswerRow,
  JobWithheld,
  ResultGroup,
  ResultStore,
  SignedReceipt,
} from './ports.ts'
import { safeNumber } from './rows.ts'

/** Result bytes in one row; a larger group is cut. Rows are read back one page at a time. */
const ROW_LIMIT_BYTES = 4 * 1024 * 1024
/** Rows in one statement: nine parameters each, of PostgreSQL's 65,535. */
const ROWS_LIMIT = 7_000
/** Rows fetched at once by `load`. */
const PAGE_ROWS = 8

/** Rows of before there were findings have none. */
const storedFindings = z.object({
  audits: z.int().default(0),
  audits_bad: z.int().default(0),
  doubt_single: z.number().default(0),
  doubt_agreed: z.number().default(0),
  // Canaries have rows of their own.
  canaries: z.int().default(0),
  canaries_bad: z.int().default(0),
})

interface PackedRow {
  readonly job_id: string
  readonly seq: number
  readonly shard_count: number
  readonly first_shard: number
  readonly last_shard: number
  readonly agents: readonly string[]
  readonly packed: Buffer
  readonly work: string
  readonly findings: string
}

/** Which rows of a job are read: those that may hold one of these shards, or one of a span. */
type RowFilter = { readonly shards: readonly number[] } | { readonly first: number; readonly last: number }

/**
 * Accepted results in PostgreSQL. A commit is one statement, hence one transaction and one round trip:
 *
 * - **Fencing**: the statement locks the row of `hub_fence` FOR SHARE and inserts nothing when it does not hold its
 *   epoch. `openEpoch` updates that row, so it waits for commits under way, and commits that come later wait for it and
 *   then see the new epoch (READ COMMITTED looks again at a row it waited for). There is no moment between the two.
 * - **Repetition**: each row has a number within its epoch. A commit that failed may have happened all the same; called
 *   again with the same `groups` array it uses the same numbers and meets its own rows.
 */
export function createResultStore(pool: pg.Pool): ResultStore {
  let opened: number | undefined
  let nextSeq = 0
  const rowsOf = new WeakMap<readonly AcceptedGroup[], readonly PackedRow[]>()

  const pack = (groups: readonly AcceptedGroup[]): readonly PackedRow[] => {
    const known = rowsOf.get(groups)
    if (known !== undefined) return known
    const rows = groups.flatMap(({ job_id, runs, work, findings }) =>
      cut(runs).map((part, at) => ({
        job_id,
        seq: nextSeq++,
        shard_count: shardCount(part),
        first_shard: part.reduce((least, { first }) => Math.min(least, first), Number.MAX_SAFE_INTEGER),
        last_shard: part.reduce((most, { first, count }) => Math.max(most, first + count - 1), 0),
        agents: [...new Set(part.flatMap((run) => run.copies.map((copy) => copy.agent)))],
        packed: packRuns(part),
        // The group's work stands in its first row: only sums over all rows are ever asked for.
        work: JSON.stringify(at === 0 ? work : []),
        findings: JSON.stringify(at === 0 ? findings : NO_FINDINGS),
      })),
    )
    rowsOf.set(groups, rows)
    return rows
  }

  /** Rows of a job in commit order. */
  const pages = async function* (jobId: string, filter?: RowFilter): AsyncGenerator<ResultGroup> {
    // A row of before the span was stored may hold any shard.
    let spans = ''
    const values: unknown[] = []
    if (filter !== undefined && 'shards' in filter) {
      spans = `AND (first_shard IS NULL
        OR EXISTS (SELECT FROM unnest($4::int[]) AS wanted WHERE wanted BETWEEN first_shard AND last_shard))`
      values.push(filter.shards)
    } else if (filter !== undefined) {
      spans = 'AND (first_shard IS NULL OR (first_shard <= $5::int AND last_shard >= $4::int))'
      values.push(filter.first, filter.last)
    }
    let after = { epoch: '0', seq: '0' }
    for (;;) {
      const { rows } = await pool.query<{
        epoch: string
        seq: string
        shard_count: number
        packed: Buffer
        findings: unknown
      }>(
        `SELECT epoch, seq, shard_count, packed, findings FROM result_groups
         WHERE job_id = $1 AND (epoch, seq) > ($2, $3) ${spans} ORDER BY epoch, seq LIMIT ${PAGE_ROWS}`,
        [jobId, after.epoch, after.seq, ...values],
      )
      for (const row of rows) {
        const runs = unpackRuns(row.packed)
        invariant(
          shardCount(runs) === row.shard_count,
          `a group of ${row.shard_count} shards holds ${shardCount(runs)}`,
        )
        yield { job_id: jobId, runs, findings: storedFindings.parse(row.findings) }
      }
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last
    }
  }

  return {
    async openEpoch() {
      const { rows } = await pool.query<{ epoch: string }>(
        `WITH fence AS (UPDATE hub_fence SET epoch = epoch + 1 RETURNING epoch)
         INSERT INTO hub_epochs (epoch) SELECT epoch FROM fence RETURNING epoch`,
      )
      const [row] = rows
      invariant(row !== undefined, 'hub_fence has no row')
      opened = safeNumber(row.epoch)
      nextSeq = 0
      return opened
    },

    async commit(epoch, groups, receipts, withheld = [], canaries = []) {
      // The row numbers of an epoch belong to the store that opened it.
      if (epoch !== opened) throw fenced(epoch)
      const rows = pack(groups)
      invariant(rows.length <= ROWS_LIMIT, `a commit of ${rows.length} rows`)
      const statement = commitStatement(epoch, rows, receipts, withheld, canaries)
      const answer = await pool.query<{ open: boolean }>(statement.text, statement.values)
      if (answer.rows[0]?.open !== true) throw fenced(epoch)
    },

    async *load(jobId) {
      yield* pages(jobId)
      const given = await canaryFindings(pool, jobId)
      if (given.canaries > 0) yield { job_id: jobId, runs: [], findings: { ...NO_FINDINGS, ...given } }
    },

    loadSpan: (jobId, first, last) => pages(jobId, { first, last }),

    async find(jobId, shards) {
      const wanted = new Set(shards)
      const found = new Map<number, AcceptedShard>()
      for await (const group of pages(jobId, { shards })) {
        for (const run of group.runs) {
          for (const shard of wanted) {
            const offset = shard - run.first
            if (offset < 0 || offset >= run.count) continue
            // A later row replaces what was found wrong.
            found.set(shard, acceptedShard(run, offset))
          }
        }
      }
      return found
    },
  }
}

/** The error of a hub that is no longer the newest. */
export function fenced(epoch: number): ForgeError {
  return new ForgeError('CONFLICT', `epoch ${epoch} is over: a newer hub has started`, {
    hint: 'Stop this hub; the newer one goes on with its jobs.',
  })
}

function shardCount(runs: readonly AcceptedRun[]): number {
  return runs.reduce((sum, { count }) => sum + count, 0)
}

/** Cuts a group into parts that fit a row. */
function cut(runs: readonly AcceptedRun[]): readonly (readonly AcceptedRun[])[] {
  const parts: AcceptedRun[][] = []
  let room = { bytes: 0, shards: 0 }
  for (const run of runs.flatMap(halved)) {
    const bytes = runBytes(run)
    const open = parts.at(-1)
    if (open === undefined || bytes > room.bytes || run.count > room.shards) {
      parts.push([run])
      room = { bytes: ROW_LIMIT_BYTES, shards: GROUP_SHARD_LIMIT }
    } else open.push(run)
    room = { bytes: room.bytes - bytes, shards: room.shards - run.count }
  }
  return parts
}

/** A run that is too large for a row, as halves or smaller parts that are not. */
function halved(run: AcceptedRun): readonly AcceptedRun[] {
  if (run.count === 1 || (run.count <= GROUP_SHARD_LIMIT && runBytes(run) <= ROW_LIMIT_BYTES)) return [run]
  const half = run.count >> 1
  const part = (offset: number, count: number): AcceptedRun => ({
    ...run,
    first: run.first + offset,
    count,
    digests: run.digests.subarray(32 * offset, 32 * (offset + count)),
    leaves: run.leaves.slice(offset, offset + count),
  })
  return [...halved(part(0, half)), ...halved(part(half, run.count - half))]
}

function commitStatement(
  epoch: number,
  groups: readonly PackedRow[],
  receipts: readonly SignedReceipt[],
  withheld: readonly JobWithheld[],
  canaries: readonly CanaryAnswerRow[],
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [epoch]
  const param = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const parts = ['WITH fence AS (SELECT epoch FROM hub_fence WHERE epoch = $1::bigint FOR SHARE)']
  if (groups.length > 0) {
    // One parameter a value: node-postgres sends a Buffer in binary, but an array of Buffers as hexadecimal text.
    const tuples = groups.map(
      ({ job_id, seq, shard_count, first_shard, last_shard, agents, packed, work, findings }) =>
        `(${param(job_id, 'uuid')}, ${param(seq, 'bigint')}, ${param(shard_count, 'int')}, ${param(first_shard, 'int')}, ${param(last_shard, 'int')}, ${param(agents, 'text[]')}, ${param(packed, 'bytea')}, ${param(work, 'jsonb')}, ${param(findings, 'jsonb')})`,
    )
    parts.push(
      `groups AS (INSERT INTO result_groups (epoch, job_id, seq, shard_count, first_shard, last_shard, agents, packed, work, findings)
        SELECT fence.epoch, v.* FROM fence, (VALUES ${tuples.join(', ')}) AS v
        ON CONFLICT (job_id, epoch, seq) DO NOTHING)`,
    )
  }
  if (receipts.length > 0) {
    const column = (read: (receipt: SignedReceipt) => unknown, type: string) =>
      param(receipts.map(read), `${type}[]`)
    const columns = [
      column(({ receipt }) => receipt.lease_id, 'text'),
      column(({ receipt }) => receipt.epoch, 'bigint'),
      column(({ job_id }) => job_id, 'uuid'),
      column(({ agent }) => agent, 'text'),
      column(({ receipt }) => JSON.stringify(receipt), 'text'),
      column(({ signature }) => Buffer.from(signature).toString('hex'), 'text'),
    ]
    parts.push(
      `signed AS (INSERT INTO receipts (lease_id, epoch, job_id, agent, receipt, signature)
        SELECT v.lease_id, v.epoch, v.job_id, v.agent, v.receipt::jsonb, decode(v.signature, 'hex')
        FROM fence, unnest(${columns.join(', ')}) AS v (lease_id, epoch, job_id, agent, receipt, signature)
        ON CONFLICT (epoch, lease_id) DO NOTHING)`,
    )
  }
  if (withheld.length > 0) {
    const tuples = withheld.map(
      ({ epoch: given, lease_id, first, job_id, digests }) =>
        `(${param(given, 'bigint')}, ${param(lease_id, 'text')}, ${param(first, 'int')}, ${param(job_id, 'uuid')}, ${param(Buffer.from(digests), 'bytea')})`,
    )
    parts.push(
      `withheld AS (INSERT INTO withheld_digests (epoch, lease_id, first_shard, job_id, digests)
        SELECT v.* FROM fence, (VALUES ${tuples.join(', ')}) AS v ON CONFLICT DO NOTHING)`,
    )
  }
  if (canaries.length > 0) parts.push(canaryPart(canaries, param))
  return { text: `${parts.join(',\n')}\nSELECT EXISTS (SELECT FROM fence) AS open`, values }
}
