import { randomBytes } from 'node:crypto'
import { canonicalJson, type Json, parseJsonStrict } from '../../kernel/canonical.ts'
import { bytesToHex, type HexDigest, sha256Hex } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { CORRECTION_SHARDS, correctionStatement } from '../../kernel/evidence/correction.ts'
import {
  envelopeDigest,
  envelopeSchema,
  openStatement,
  sealStatement,
} from '../../kernel/evidence/envelope.ts'
import { leafBytes } from '../../kernel/evidence/leaf.ts'
import { type JobRecord, parseRecord } from '../../kernel/evidence/record.ts'
import type { OpRegistry, PreparedJob } from '../../kernel/job.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import type { CorrectionStore } from '../memory/correction-store.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { LogEntry, NewLogEntry, RecordStore } from '../memory/ports/records.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { recordedShards } from './accepted-runs.ts'
import type { HubKey } from './hub-key.ts'
import { EVIDENCE_LIMITS } from './limits.ts'

/** Exact execution on this machine: the hub's referee. */
export interface ShardExecution {
  /** @returns the shards' leaves in their order. @throws ForgeError EXECUTOR_FAILED */
  execute(job: PreparedJob, shards: readonly number[], inputs: InputBytes): Promise<readonly Uint8Array[]>
}

export interface RecheckPorts {
  readonly ops: Pick<OpRegistry, 'prepare'>
  readonly jobs: Pick<JobStore, 'get'>
  readonly results: Pick<ResultStore, 'find'>
  readonly records: Pick<RecordStore, 'ofJob'>
  readonly blobs: Pick<BlobStore, 'read'>
  readonly corrections: Pick<CorrectionStore, 'correct'>
  readonly referee: ShardExecution
  readonly hubKey: HubKey
}

export interface RecheckOutcome {
  /** The job whose record it is: of one that was answered from a record, the earlier job. */
  readonly job_id: string
  readonly checked: number
  /** Ascending. */
  readonly wrong: readonly number[]
  /** Entries that were appended; none when everything is right, or was corrected before. */
  readonly entries: readonly number[]
  readonly refunded: number
}

interface WrongShard {
  readonly shard: number
  readonly recorded: HexDigest
  readonly executed: HexDigest
}

/**
 * Executes shards of a settled job again and appends corrections for those whose recorded digest is another one.
 * @param shards ascending, each once
 * @param done called with how many are executed
 * @throws ForgeError NOT_FOUND; CONFLICT for a job without a record; MESSAGE_INVALID for a shard outside the result;
 * EXECUTOR_FAILED when this version has another kernel than the record
 */
export async function recheck(
  ports: RecheckPorts,
  id: string,
  shards: readonly number[],
  done: (executed: number) => void = () => {},
): Promise<RecheckOutcome> {
  const { job, jobId, accepted } = await recordedJob(ports, id)
  const outside = shards.find((shard) => shard >= accepted)
  if (outside !== undefined)
    throw new ForgeError('MESSAGE_INVALID', `the job's result has no shard ${outside}`, {
      path: 'shards',
      hint: `Its shards are 0 to ${accepted - 1}.`,
    })
  const inputs = await readInputs(job, ports.blobs)
  const wrong: WrongShard[] = []
  for (let at = 0; at < shards.length; at += EVIDENCE_LIMITS.recheck_batch) {
    const batch = shards.slice(at, at + EVIDENCE_LIMITS.recheck_batch)
    const stored = await ports.results.find(jobId, batch)
    const leaves = await ports.referee.execute(job, batch, inputs)
    for (const [place, shard] of batch.entries()) {
      const before = stored.get(shard)
      invariant(before !== undefined, `shard ${shard} of settled job ${jobId} has a result`)
      const executed = sha256Hex(leaves[place] as Uint8Array)
      const recorded = bytesToHex(before.digest)
      if (recorded !== executed) wrong.push({ shard, recorded, executed })
    }
    done(Math.min(shards.length, at + batch.length))
  }
  const entries: number[] = []
  let refunded = 0
  for (let at = 0; at < wrong.length; at += CORRECTION_SHARDS) {
    const part = wrong.slice(at, at + CORRECTION_SHARDS)
    const stored = await ports.corrections.correct(
      jobId,
      part.map(({ shard }) => shard),
      (record, fresh) =>
        correctionEntry(
          record,
          part.filter(({ shard }) => fresh.includes(shard)),
          shards.length,
          ports.hubKey,
        ),
    )
    if (stored === undefined) continue
    entries.push(stored.index)
    refunded += stored.refunded
  }
  return { job_id: jobId, checked: shards.length, wrong: wrong.map(({ shard }) => shard), entries, refunded }
}

/** Shards of the result of the recorded job. @throws ForgeError as `recheck` does */
export async function recordedJob(
  { ops, jobs, records }: Pick<RecheckPorts, 'ops' | 'jobs' | 'records'>,
  id: string,
): Promise<{ readonly job: PreparedJob; readonly jobId: string; readonly accepted: number }> {
  const asked = await jobs.get(id)
  const row = asked === undefined || asked.replay_of === null ? asked : await jobs.get(asked.replay_of)
  if (row === undefined) throw new ForgeError('NOT_FOUND', `there is no job ${id}`)
  const [entry] = await records.ofJob(row.id)
  if (entry === undefined)
    throw new ForgeError('CONFLICT', `job ${row.id} is ${row.state} and has no record`, {
      hint: 'Only a settled job has one, about a second later.',
    })
  const job = ops.prepare(parseJsonStrict(row.canonical))
  const { kernel } = recordOf(entry)
  if (job.kernelDigest !== kernel)
    throw new ForgeError('EXECUTOR_FAILED', `this version has not the kernel of the record, ${kernel}`, {
      hint: 'Recheck with the version of that time: another kernel may give other bytes.',
    })
  return { job, jobId: row.id, accepted: recordedShards(row) }
}

/** What an entry of a record says. @throws ForgeError MESSAGE_INVALID */
export function recordOf({ envelope }: Pick<LogEntry, 'envelope'>): JobRecord {
  const sealed = envelopeSchema.parse(parseJsonStrict(envelope, LIMITS.blob_bytes))
  return parseRecord(openStatement(sealed).predicate)
}

async function correctionEntry(
  entry: LogEntry,
  wrong: readonly WrongShard[],
  checked: number,
  hubKey: HubKey,
): Promise<NewLogEntry> {
  const record = recordOf(entry)
  const envelope = await sealStatement(
    correctionStatement({
      correction: 1,
      salt: randomBytes(16).toString('hex'),
      record: { index: entry.index, envelope: sha256Hex(entry.envelope), job_id: record.job_id },
      kernel: record.kernel,
      checked,
      wrong: wrong.map(({ shard, recorded, executed }) => [shard, recorded, executed]),
      corrected_at: new Date().toISOString().replace(/[.]\d+Z$/, 'Z'),
    }),
    await hubKey.current(),
  )
  return {
    kind: 'correction',
    job_id: record.job_id,
    corrects: entry.index,
    leaf: leafBytes({ leaf: 1, kind: 'correction', of: entry.index, envelope: envelopeDigest(envelope) }),
    envelope: canonicalJson(envelope as unknown as Json),
    trace: entry.trace,
    receipts: entry.receipts,
  }
}

async function readInputs(job: PreparedJob, blobs: Pick<BlobStore, 'read'>): Promise<InputBytes> {
  const inputs = new Map<string, Uint8Array>()
  for (const [name, { digest }] of Object.entries(job.contract.inputs)) {
    const parts: Uint8Array[] = []
    for await (const part of blobs.read(digest)) parts.push(part)
    inputs.set(name, new Uint8Array(Buffer.concat(parts)))
  }
  return inputs
}
