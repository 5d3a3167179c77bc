import type pg from 'pg'
import { z } from 'zod'
import { type AcceptedRun, type AcceptedShard, acceptedShard } from '../../kernel/acceptance.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import { Portions } from '../portions.ts'
import { CANARY_SEQ, canaryFindings, canaryPart } from './canary-answers.ts'
import { GROUP_SHARD_LIMIT, packing, runBytes, unpackRuns } from './packed-results.ts'
import type {
  AcceptedGroup,
  CanaryAnswerRow,
  ChunkClaim,
  JobWithheld,
  ResultStore,
  SignedReceipt,
  StoredGroup,
} from './ports/results.ts'
import { safeNumber } from './rows.ts'

/** Result bytes in one row; a larger group is cut. Rows are read back one page at a time. */
const ROW_LIMIT_BYTES = 4 * 1024 * 1024
/** Rows in one statement: eleven parameters each, of PostgreSQL's 65,535. */
const ROWS_LIMIT = 5_000
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
  readonly group: AcceptedGroup
  readonly seq: number
  readonly shard_count: number
  readonly first_shard: number
  readonly last_shard: number
  readonly agents: readonly string[]
  readonly packed: Buffer
  readonly work: string
  readonly findings: string
}

/** Which rows of a job are read: those that may hold one of these shards, or one of a span, or those of some agents. */
type RowFilter =
  | { readonly shards: readonly number[] }
  | { readonly first: number; readonly last: number }
  | { readonly agents: readonly string[] }

/**
 * Accepted results in PostgreSQL. A commit is one statement, hence one transaction and one round trip:
 *
 * - **Fencing**: the statement locks the rows of `job_chunks` whose epochs its groups name FOR SHARE, and inserts the
 *   groups whose row it holds. A claim, and the end of a job, change or delete that row, so they wait for commits under
 *   way, and commits that come later wait for them and then see the new epoch (READ COMMITTED looks again at a row it
 *   waited for). There is no moment between the two. What the referee replaces lies in chunks that nobody claims any
 *   more: there the row of `shard_corrections` that it inserts is the fence, and the job's row, which its end changes.
 * - **Repetition**: each row has a number within its epoch. A commit that failed may have happened all the same; called
 *   again with the same `groups` array it uses the same numbers and meets its own rows.
 *
 * Locks are taken in the order jobs, job_chunks (by number), which is the order of claims and of ends.
 */
export function createResultStore(pool: pg.Pool): ResultStore {
  let opened: number | undefined
  let nextSeq = 0
  const rowsOf = new WeakMap<readonly AcceptedGroup[], readonly PackedRow[]>()

  const pack = async (groups: readonly AcceptedGroup[]): Promise<readonly PackedRow[]> => {
    const known = rowsOf.get(groups)
    if (known !== undefined) return known
    const rows: PackedRow[] = []
    const portions = new Portions()
    for (const group of groups) {
      for (const [at, part] of cut(group.runs).entries()) {
        rows.push({
          group,
          seq: nextSeq++,
          shard_count: shardCount(part),
          first_shard: part.reduce((least, { first }) => Math.min(least, first), Number.MAX_SAFE_INTEGER),
          last_shard: part.reduce((most, { first, count }) => Math.max(most, first + count - 1), 0),
          agents: [...new Set(part.flatMap((run) => run.copies.map((copy) => copy.agent)))],
          packed: await packInPortions(part, portions),
          // The group's work stands in its first row: only sums over all rows are ever asked for.
          work: JSON.stringify(at === 0 ? group.work : []),
          findings: JSON.stringify(at === 0 ? group.findings : NO_FINDINGS),
        })
      }
    }
    rowsOf.set(groups, rows)
    return rows
  }

  /**
   * Rows of a job: those of each hub in the order of its commits, then those that replace shards of others. With `wants` the
   * contents of those only are read.
   */
  const pages = async function* (
    jobId: string,
    filter?: RowFilter,
    wants: (row: Pick<StoredGroup, 'epoch' | 'seq'>) => boolean = () => true,
  ): AsyncGenerator<StoredGroup> {
    // A row of before the span was stored may hold any shard.
    let only = ''
    const values: unknown[] = []
    if (filter !== undefined && 'shards' in filter) {
      only = `AND (first_shard IS NULL
        OR EXISTS (SELECT FROM unnest($4::int[]) AS wanted WHERE wanted BETWEEN first_shard AND last_shard))`
      values.push(filter.shards)
    } else if (filter !== undefined && 'agents' in filter) {
      only = 'AND agents && $4::text[]'
      values.push(filter.agents)
    } else if (filter !== undefined) {
      only = 'AND (first_shard IS NULL OR (first_shard <= $5::int AND last_shard >= $4::int))'
      values.push(filter.first, filter.last)
    }
    let after = { is_replacement: false, epoch: '0', seq: '0' }
    for (;;) {
      const { rows } = await pool.query<{
        is_replacement: boolean
        epoch: string
        seq: string
        shard_count: number
        packed: Buffer
        findings: unknown
      }>(
        `SELECT is_replacement, epoch, seq, shard_count, packed, findings FROM result_groups
         WHERE job_id = $1 AND is_replacement = ${after.is_replacement} AND (epoch, seq) > ($2, $3) ${only}
         ORDER BY epoch, seq LIMIT ${PAGE_ROWS}`,
        [jobId, after.epoch, after.seq, ...values],
      )
      for (const row of rows) {
        const [rowEpoch, seq] = [safeNumber(row.epoch), safeNumber(row.seq)]
        if (!wants({ epoch: rowEpoch, seq })) continue
        const runs = unpackRuns(row.packed)
        invariant(
          shardCount(runs) === row.shard_count,
          `a group of ${row.shard_count} shards holds ${shardCount(runs)}`,
        )
        const { is_replacement } = row
        const findings = storedFindings.parse(row.findings)
        yield { job_id: jobId, epoch: rowEpoch, seq, is_replacement, runs, findings }
      }
      const last = rows.at(-1)
      if (last !== undefined && rows.length === PAGE_ROWS) after = last
      else if (!after.is_replacement) after = { is_replacement: true, epoch: '0', seq: '0' }
      else return
    }
  }

  /**
   * Groups that an earlier attempt has stored. Asked after the fence has refused them, this is final: who took the claim
   * waited for that attempt, and no other can come after him.
   */
  const earlierStored = async (epoch: number, rows: readonly PackedRow[]): Promise<AcceptedGroup[]> => {
    const found = await pool.query<{ seq: string }>(
      'SELECT seq FROM result_groups WHERE job_id = ANY ($1::uuid[]) AND epoch = $2 AND seq = ANY ($3::bigint[])',
      [[...new Set(rows.map(({ group }) => group.job_id))], epoch, rows.map(({ seq }) => seq)],
    )
    const stored = new Set(found.rows.map(({ seq }) => safeNumber(seq)))
    return rows.flatMap(({ group, seq }) => (stored.has(seq) ? [group] : []))
  }

  return {
    async openEpoch() {
      const { rows } = await pool.query<{ epoch: string }>(
        'INSERT INTO hub_epochs DEFAULT VALUES RETURNING epoch',
      )
      const [row] = rows
      invariant(row !== undefined, 'an epoch was inserted')
      opened = safeNumber(row.epoch)
      nextSeq = 0
      return opened
    },

    async commit(epoch, groups, receipts, withheld = [], canaries = []) {
      // The row numbers of an epoch belong to the store that opened it.
      if (epoch !== opened) throw unknownEpoch(epoch)
      const rows = await pack(groups)
      invariant(rows.length <= ROWS_LIMIT, `a commit of ${rows.length} rows`)
      const statement = commitStatement(epoch, rows, receipts, withheld, canaries)
      const { rows: answers } = await pool.query<{ open: boolean; stored: string[] }>(
        statement.text,
        statement.values,
      )
      const [answer] = answers
      if (answer?.open !== true) throw unknownEpoch(epoch)
      if (answer.stored.length === rows.length) return []
      const missing = rows.filter(({ seq }) => !answer.stored.includes(String(seq)))
      const refused = new Set(missing.map(({ group }) => group))
      for (const group of await earlierStored(epoch, missing)) refused.delete(group)
      return [...refused]
    },

    async durable(jobId, first, count) {
      const end = first + count
      const ranges: [number, number][] = []
      for await (const { runs } of pages(jobId, { first, last: end - 1 })) {
        for (const run of runs) {
          const from = Math.max(first, run.first)
          const to = Math.min(end, run.first + run.count)
          if (from < to) ranges.push([from, to - from])
        }
      }
      return ranges
    },

    async *load(jobId, wants = () => true) {
      yield* pages(jobId, undefined, wants)
      for (const { epoch, ...given } of await canaryFindings(pool, jobId)) {
        const row = { job_id: jobId, epoch, seq: CANARY_SEQ, is_replacement: false }
        if (wants(row)) yield { ...row, runs: [], findings: { ...NO_FINDINGS, ...given } }
      }
    },

    loadOf: (jobId, agents, wants) => pages(jobId, { agents }, wants),

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

async function packInPortions(runs: readonly AcceptedRun[], portions: Portions): Promise<Buffer> {
  const steps = packing(runs)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    if (portions.isOver) await portions.rest()
  }
}

function unknownEpoch(epoch: number): ForgeError {
  return new ForgeError('CONFLICT', `the database does not know the hub's epoch ${epoch}`, {
    hint: 'It was replaced or restored while the server ran: start the server again.',
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
  rows: readonly PackedRow[],
  receipts: readonly SignedReceipt[],
  withheld: readonly JobWithheld[],
  canaries: readonly CanaryAnswerRow[],
): { readonly text: string; readonly values: unknown[] } {
  const values: unknown[] = [epoch]
  const param = (value: unknown, type: string) => `$${values.push(value)}::${type}`
  const parts = ['WITH hub AS (SELECT epoch FROM hub_epochs WHERE epoch = $1::bigint)']
  if (rows.length > 0) {
    const corrections = rows.filter(({ group }) => group.fence === 'correction')
    if (corrections.length > 0) parts.push(...correctionParts(corrections, param))
    parts.push(claimsPart(rows, corrections.length > 0, param))
    // One parameter a value: node-postgres sends a Buffer in binary, but an array of Buffers as hexadecimal text.
    const tuples = rows.map(({ group, seq, shard_count, first_shard, last_shard, agents, ...row }) => {
      const claim = group.fence === 'correction' ? undefined : group.fence
      return `(${param(group.job_id, 'uuid')}, ${param(seq, 'bigint')}, ${param(shard_count, 'int')}, ${param(first_shard, 'int')}, ${param(last_shard, 'int')}, ${param(agents, 'text[]')}, ${param(row.packed, 'bytea')}, ${param(row.work, 'jsonb')}, ${param(row.findings, 'jsonb')}, ${param(claim?.chunk ?? null, 'int')}, ${param(claim?.epoch ?? null, 'bigint')})`
    })
    const replaced =
      corrections.length === 0
        ? ''
        : 'OR (v.chunk IS NULL AND EXISTS (SELECT FROM corrected c WHERE c.job_id = v.job_id AND c.shard = v.first_shard))'
    parts.push(
      `groups AS (INSERT INTO result_groups (epoch, job_id, seq, shard_count, first_shard, last_shard, agents, packed, work, findings, is_replacement)
        SELECT hub.epoch, v.job_id, v.seq, v.shard_count, v.first_shard, v.last_shard, v.agents, v.packed, v.work, v.findings,
          v.chunk IS NULL
        FROM hub, (VALUES ${tuples.join(', ')})
          AS v (job_id, seq, shard_count, first_shard, last_shard, agents, packed, work, findings, chunk, claim)
        WHERE EXISTS (SELECT FROM claims c WHERE c.job_id = v.job_id AND c.chunk = v.chunk AND c.epoch = v.claim) ${replaced}
        ON CONFLICT (job_id, epoch, seq) DO NOTHING RETURNING seq)`,
    )
  }
  if (receipts.length > 0) {
    // One JSON text: an array of texts would be escaped letter by letter.
    const rows = receipts.map(({ job_id, agent, receipt, signature }) => ({
      job_id,
      agent,
      receipt,
      signature: bytesToHex(signature),
    }))
    parts.push(
      `signed AS (INSERT INTO receipts (lease_id, epoch, job_id, agent, receipt, signature)
        SELECT v.receipt->>'lease_id', (v.receipt->>'epoch')::bigint, v.job_id, v.agent, v.receipt, decode(v.signature, 'hex')
        FROM hub, jsonb_to_recordset(${param(JSON.stringify(rows), 'jsonb')})
          AS v (job_id uuid, agent text, receipt jsonb, signature text)
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
        SELECT v.* FROM hub, (VALUES ${tuples.join(', ')}) AS v ON CONFLICT DO NOTHING)`,
    )
  }
  if (canaries.length > 0) parts.push(canaryPart(canaries, param))
  const stored = rows.length === 0 ? `'{}'::text[]` : 'array(SELECT seq::text FROM groups)'
  return {
    text: `${parts.join(',\n')}\nSELECT EXISTS (SELECT FROM hub) AS open, ${stored} AS stored`,
    values,
  }
}

type Param = (value: unknown, type: string) => string

/** Locks the claims that the groups name and that are still the newest, by number. */
function claimsPart(rows: readonly PackedRow[], hasCorrections: boolean, param: Param): string {
  const claims = new Map<string, ChunkClaim & { readonly job_id: string }>()
  for (const { group } of rows) {
    if (group.fence === 'correction') continue
    const { job_id, fence } = group
    claims.set(`${job_id} ${fence.chunk} ${fence.epoch}`, { job_id, ...fence })
  }
  const all = [...claims.values()]
  const column = (read: (claim: (typeof all)[number]) => unknown, type: string) =>
    param(all.map(read), `${type}[]`)
  // Jobs are locked before chunks: the count is asked for first, and is never negative.
  const after = hasCorrections ? 'AND (SELECT count(*) FROM open_jobs) >= 0' : ''
  return `claims AS MATERIALIZED (SELECT c.job_id, c.chunk, c.epoch FROM job_chunks c
    JOIN unnest(${column(({ job_id }) => job_id, 'uuid')}, ${column(({ chunk }) => chunk, 'int')}, ${column((claim) => claim.epoch, 'bigint')}) AS w (job_id, chunk, epoch)
      ON c.job_id = w.job_id AND c.chunk = w.chunk AND c.epoch = w.epoch
    WHERE NOT c.done ${after} ORDER BY c.job_id, c.chunk FOR SHARE OF c)`
}

/** Takes the right to replace shards, of jobs that have not ended. */
function correctionParts(rows: readonly PackedRow[], param: Param): readonly string[] {
  for (const { shard_count } of rows) invariant(shard_count === 1, 'a correction replaces one shard')
  const jobs = param([...new Set(rows.map(({ group }) => group.job_id))], 'uuid[]')
  const ids = param(
    rows.map(({ group }) => group.job_id),
    'uuid[]',
  )
  const shards = param(
    rows.map(({ first_shard }) => first_shard),
    'int[]',
  )
  return [
    `open_jobs AS MATERIALIZED (SELECT id FROM jobs WHERE id = ANY (${jobs}) AND finished_at IS NULL ORDER BY id FOR SHARE)`,
    `corrected AS (INSERT INTO shard_corrections (job_id, shard)
      SELECT w.job_id, w.shard FROM hub, unnest(${ids}, ${shards}) AS w (job_id, shard)
      JOIN open_jobs ON open_jobs.id = w.job_id
      ORDER BY w.job_id, w.shard ON CONFLICT DO NOTHING RETURNING job_id, shard)`,
  ]
}
