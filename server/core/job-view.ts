import { byMethod } from '../../kernel/acceptance.ts'
import type { JobCostView } from '../../kernel/api/credits.ts'
import {
  JOB_STATES,
  type JobListItem,
  type JobState,
  type JobView,
  type JobWaiting,
  type ProgressView,
  type QuoteView,
} from '../../kernel/api.ts'
import { type JsonObject, parseJsonStrict } from '../../kernel/canonical.ts'
import type { Verify } from '../../kernel/contract.ts'
import { parseCorrection } from '../../kernel/evidence/correction.ts'
import { ENVELOPE_BYTES, envelopeSchema, openStatement } from '../../kernel/evidence/envelope.ts'
import type { OpRegistry, PreparedJob } from '../../kernel/job.ts'
import {
  type CostItem,
  chargedCopies,
  costItems,
  jobPrice,
  REPLAY_CREDITS,
  totalCredits,
} from '../../kernel/price.ts'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { JobRow } from '../memory/ports/jobs.ts'
import type { LogEntry } from '../memory/ports/records.ts'
import type { Resource } from './authorise.ts'

/** Rows to views. Pure. */

const FINAL: ReadonlySet<JobState> = new Set<JobState>(['settled', 'failed', 'cancelled', 'expired'])

export const UNFINISHED_STATES: readonly JobState[] = JOB_STATES.filter((state) => !FINAL.has(state))

/** @throws ForgeError when the entry is none of a correction */
export function correctionView({ index, envelope }: LogEntry): JobView['corrections'][number] {
  const sealed = envelopeSchema.parse(parseJsonStrict(envelope, ENVELOPE_BYTES * 2))
  const { wrong, corrected_at } = parseCorrection(openStatement(sealed).predicate)
  return { index, shards: wrong.length, corrected_at }
}

/** Where a job's record is in the ledger, and what has been corrected of it. */
export type RecordPlace = Pick<JobView, 'record' | 'corrections'>

export const NO_RECORD: RecordPlace = { record: null, corrections: [] }

export function isFinal(state: JobState): boolean {
  return FINAL.has(state)
}

export const NO_PROGRESS: ProgressView = {
  accepted: 0,
  in_flight: 0,
  copies: 0,
  by_executor: { webgpu: 0, wasm: 0, cpu: 0 },
  by_method: byMethod(0),
  owners: 0,
  checks: { ...NO_FINDINGS, waiting: 0 },
}

function verifyText(verify: Verify): string {
  switch (verify.mode) {
    case 'quorum':
      return `quorum ${verify.k}`
    case 'spotcheck':
      return `spotcheck ${verify.rate}`
    case 'adaptive':
      return `adaptive ${verify.epsilon}`
    default:
      return verify.mode
  }
}

/** @param answeredBy the job whose record would answer the contract */
export function quoteView(job: PreparedJob, answeredBy: string | undefined): QuoteView {
  return {
    op: job.op,
    replay_key: job.replayKey,
    contract_hash: job.contractHash,
    shard_count: job.plan.shard_count,
    work_units: job.plan.work_units,
    copies: chargedCopies(job.contract.verify),
    leaf_kind: job.plan.leaf.kind,
    leaf_max_bytes: job.plan.leaf.max_bytes,
    looks: [...(job.plan.looks ?? [])],
    price: priceView(jobPrice(job.plan, job.contract.verify)),
    replay: answeredBy === undefined ? null : { of: answeredBy, credits: REPLAY_CREDITS },
  }
}

function priceView({ items, ...price }: ReturnType<typeof jobPrice>): QuoteView['price'] {
  return { ...price, items: [...items] }
}

/** What is held while the job runs, and what it cost once it has ended. */
function costView(row: JobRow, plan: PreparedJob['plan'], verify: Verify): JobCostView | null {
  const { shard_price, hold, bill } = row
  if (shard_price === null || hold === null) return null
  const items: readonly CostItem[] =
    bill === null ? jobPrice(plan, verify).items : costItems(shard_price, bill)
  const charged = bill === null ? null : totalCredits(items)
  return {
    shard_price,
    held: hold,
    charged,
    released: charged === null ? null : hold - charged,
    items: [...items],
  }
}

/** @param live what the hub knows now; it wins over the row while the job runs */
export function jobListItem(row: JobRow, live: ProgressView | undefined): JobListItem {
  return {
    id: row.id,
    op: row.op,
    state: row.state,
    visibility: row.visibility,
    shard_count: row.shard_count,
    accepted: progressOf(row, live).accepted,
    created_at: row.created_at.toISOString(),
    finished_at: row.finished_at?.toISOString() ?? null,
    headline: row.headline,
  }
}

export function progressOf(row: JobRow, live: ProgressView | undefined): ProgressView {
  return (isFinal(row.state) ? row.progress : undefined) ?? live ?? row.progress ?? NO_PROGRESS
}

/** What the hub knows of a running job. */
interface LiveJob {
  readonly progress: ProgressView | undefined
  readonly waiting: JobWaiting | undefined
}

/** @throws ForgeError UNKNOWN_OP when this version no longer has the op of a stored job */
export function jobView(
  row: JobRow,
  ops: OpRegistry,
  live: LiveJob,
  isOwn: boolean,
  place: RecordPlace,
): JobView {
  const contract = JSON.parse(row.canonical) as JsonObject
  const prepared = ops.prepare(contract)
  const result = row.result === null ? null : (JSON.parse(row.result) as JsonObject)
  return {
    id: row.id,
    op: row.op,
    title: ops.get(row.op).title,
    state: row.state,
    visibility: row.visibility,
    own: isOwn,
    contract,
    contract_hash: row.contract_hash,
    replay_key: row.replay_key,
    plan_digest: row.plan_digest,
    shard_count: row.shard_count,
    covered_shards: row.covered_shards,
    work_units: row.work_units,
    verify: verifyText(prepared.contract.verify),
    leaf_range: prepared.leafRange() ?? null,
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    progress: progressOf(row, live.progress),
    result,
    result_digest: row.result_digest,
    summary: result === null ? null : prepared.summarise(result),
    artifacts: row.artifacts.map((artifact) => ({ ...artifact, shape: [...artifact.shape] })),
    ...place,
    replay_of: row.replay_of,
    failure: row.failure,
    priority: row.priority,
    paused: row.paused_at !== null && !isFinal(row.state),
    waiting: live.waiting ?? null,
    cost: isOwn ? costView(row, prepared.plan, prepared.contract.verify) : null,
  }
}

/** A job as a thing that may be read or changed. */
export function jobResource(row: Pick<JobRow, 'owner_id' | 'visibility'>): Resource {
  return { ownerId: row.owner_id, isPublic: row.visibility === 'public' }
}
