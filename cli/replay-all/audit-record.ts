import { randomInt } from 'node:crypto'
import { systemClock } from '../../agent-runtime/clock.ts'
import type { Executor } from '../../agent-runtime/executor.ts'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { readBundle } from '../../kernel/evidence/bundle-parser.ts'
import { envelopeDigest, keyIdOf } from '../../kernel/evidence/envelope.ts'
import { type EvidenceReport, verifyEvidence } from '../../kernel/evidence/verify.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { parseLogProof } from '../../kernel/ledger/proof-text.ts'
import type { NoteKey } from '../../kernel/ledger/signed-note.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { chooseShards } from '../../kernel/shard-choice.ts'
import { verifySignature } from '../ed25519.ts'
import { CLI_LIMITS } from '../limits.ts'
import { replayShards } from '../replay/execute.ts'
import type { EntryReport } from './audit-state.ts'
import type { HubReader } from './hub-reader.ts'
import type { WalkedLedger } from './ledger-walk.ts'

export interface Auditor {
  readonly hub: HubReader
  readonly ledger: WalkedLedger
  readonly logKey: NoteKey
  /** Keys that the hub has had, 32 bytes each. */
  readonly hubKeys: readonly Uint8Array[]
  /** `all`, or how many to draw; 0 for none. */
  readonly shards: string
  readonly executors: readonly Executor[]
  readonly signal: AbortSignal
}

/** Verifies the evidence of a public record and executes a sample of its shards. @throws ForgeError CANCELLED, UNAVAILABLE */
export async function auditRecord(auditor: Auditor, index: number, jobId: string): Promise<EntryReport> {
  const told = (status: EntryReport['status'], detail: string, more: Partial<EntryReport> = {}) => ({
    index,
    job_id: jobId,
    status,
    detail,
    replayed: 0,
    different: [],
    ...more,
  })
  let file: Uint8Array
  try {
    file = await auditor.hub.bytes(`/api/v0/jobs/${jobId}/evidence`, CLI_LIMITS.evidence_bytes)
  } catch (error) {
    // Between the list and now its owner may have made it private.
    if (error instanceof ForgeError && error.code === 'NOT_FOUND') return told('missing', error.message)
    if (error instanceof ForgeError && ['TOO_LARGE', 'MESSAGE_INVALID'].includes(error.code))
      return told('wrong', error.message)
    throw error
  }
  try {
    const report = await verifyEvidence(
      file,
      { hubKey: await signerOf(file, auditor.hubKeys), logKey: auditor.logKey },
      { verifySignature, ops: OPS },
    )
    const failed = report.checks.find(({ state }) => state === 'failed')
    if (failed !== undefined && !report.corrected) return told('wrong', `${failed.id}: ${failed.detail}`)
    assertEntry(report, auditor.ledger, index, jobId)
    if (report.corrected) return told('corrected', failed?.detail ?? '')
    return { ...told('verified', ''), ...(await replaySample(auditor, report)) }
  } catch (error) {
    if (!(error instanceof ForgeError) || error.code === 'INTERNAL') throw error
    if (error.code === 'CANCELLED' || error.code === 'UNAVAILABLE') throw error
    return told(error.code === 'EXECUTOR_FAILED' ? 'unable' : 'wrong', error.message)
  }
}

/** The key that the file's envelope names, among those that the hub has had. @throws ForgeError DIGEST_MISMATCH */
async function signerOf(file: Uint8Array, keys: readonly Uint8Array[]): Promise<Uint8Array> {
  const { bundle } = (await readBundle(file)).finish()
  const named = new Set(bundle.envelope.signatures.map(({ keyid }) => keyid))
  const key = keys.find((one) => named.has(keyIdOf(one)))
  if (key === undefined)
    throw new ForgeError('DIGEST_MISMATCH', 'the record is not signed by a key of this hub')
  return key
}

/** The evidence is of the entry that was walked, and shows every correction that the ledger has of it. */
function assertEntry(
  { bundle, record }: EvidenceReport,
  { records, corrections }: WalkedLedger,
  index: number,
  jobId: string,
): void {
  if (bundle === undefined || record === undefined)
    throw new ForgeError('DIGEST_MISMATCH', 'there is no record')
  if (record.job_id !== jobId) throw new ForgeError('DIGEST_MISMATCH', `it is that of job ${record.job_id}`)
  const at = parseLogProof(bundle.log.proof).index
  if (at !== index || records.get(index) !== envelopeDigest(bundle.envelope))
    throw new ForgeError('DIGEST_MISMATCH', `it is not what entry ${index} of the ledger names`)
  const shown = new Set(bundle.corrections?.map((correction) => correction.index))
  const hidden = (corrections.get(index) ?? []).filter((correction) => !shown.has(correction))
  if (hidden.length > 0)
    throw new ForgeError('DIGEST_MISMATCH', `it leaves out its correction, entry ${hidden.join(', ')}`)
}

async function replaySample(
  { hub, shards: which, executors, signal }: Auditor,
  { bundle, record, checks, digests }: EvidenceReport,
): Promise<Partial<EntryReport>> {
  if (which === '0' || bundle === undefined || record === undefined) return {}
  const plan = checks.find(({ id }) => id === 'plan')
  if (plan?.state !== 'passed') throw new ForgeError('EXECUTOR_FAILED', plan?.detail ?? 'there is no plan')
  if (digests === undefined) throw new ForgeError('DIGEST_MISMATCH', 'the evidence has no digests')
  const job = OPS.prepare(parseJsonStrict(bundle.contract))
  const shards = chooseShards(which, record.shards.accepted, randomInt)
  const request = {
    job,
    record,
    inputs: await fetchInputs(hub, job),
    shards,
    digests,
  }
  const { replayed, different, whole } = await replayShards(request, executors, systemClock, () => {}, signal)
  if (different.length > 0)
    return {
      status: 'wrong',
      detail: `${different.length} of ${replayed} shards executed here differ: npm run recheck -- --job ${record.job_id} --shards ${different.slice(0, CLI_LIMITS.named_shards).join(',')}`,
      replayed,
      different: [...different],
    }
  if (whole?.equal === false)
    return { status: 'wrong', detail: 'its shards do not fold to its result', replayed }
  return { replayed }
}

async function fetchInputs(hub: HubReader, job: PreparedJob): Promise<InputBytes> {
  const inputs = new Map<string, Uint8Array>()
  for (const [name, { digest }] of Object.entries(job.contract.inputs)) {
    const bytes = await hub.bytes(`/api/v0/blobs/${digest}`, LIMITS.blob_bytes)
    if (sha256Hex(bytes) !== digest)
      throw new ForgeError('DIGEST_MISMATCH', `the input ${name} has other bytes than the contract names`)
    inputs.set(name, bytes)
  }
  return inputs
}
