import { canonicalJson, type Json, type JsonObject, parseJsonStrict } from '../canonical.ts'
import { type Contract, canonicalContract, formatOp, parseContract } from '../contract.ts'
import { bytesToHex, type HexDigest, sha256Hex } from '../digest.ts'
import { type OpRegistry, type PreparedJob, seedMaterialOf } from '../job.ts'
import { LIMITS } from '../limits.ts'
import { merkleRootOfDigests, merkleRootOfLeaves } from '../merkle.ts'
import { DIGEST_ROW } from './bundle.ts'
import type { ParsedBundle } from './bundle-parser.ts'
import { type Checklist, fail, Skip } from './checklist.ts'
import { isSignedBy, openStatement } from './envelope.ts'
import { hubKeyOf, type Pins } from './pins.ts'
import { checkReceipts, receiptLeaf } from './receipts.ts'
import { type JobRecord, parseRecord, recordStatement } from './record.ts'
import { checkTrace, checkVerification, parseTrace } from './trace-checks.ts'
import type { VerifyPorts } from './verify-ports.ts'

/** Checks of the record itself: what was asked for, who signed it, and the work that it stands for. */

/** It repeats the contract's arguments and inputs, and adds the plan. */
const MATERIAL_BYTES = 2 * LIMITS.contract_bytes

/** That the hub has signed this record, of this contract. @returns it where that is so */
export async function checkRecord(
  list: Checklist,
  bundle: ParsedBundle['bundle'],
  pins: Pins,
  ports: VerifyPorts,
): Promise<JobRecord | undefined> {
  const contract = await list.run('contract', async () => {
    const parsed = parseContract(canonicalValue(bundle.contract, 'the contract'))
    if (parsed.ctx !== undefined) fail('the contract carries a ctx')
    // What is hashed is the form with every default written out.
    if (canonicalContract(parsed) !== bundle.contract) fail('a default of the contract is not written out')
    return { detail: `${formatOp(parsed.op)}, ${bundle.contract.length} bytes`, value: parsed }
  })
  const signed = await list.run('envelope', async () => {
    const key = hubKeyOf(bundle, pins)
    if (!(await isSignedBy(bundle.envelope, key, ports.verifySignature)))
      fail(`the envelope has no valid signature by the ${pins.hubKey ? 'pinned' : 'named'} key`)
    return {
      detail: `key ${bundle.envelope.signatures[0]?.keyid.slice(0, 16)}…${pins.hubKey ? ', pinned' : ': not pinned, so only as good as the file'}`,
      value: true,
    }
  })
  const record = await list.run('statement', async () => {
    const statement = openStatement(bundle.envelope)
    const value = parseRecord(statement.predicate)
    if (
      canonicalJson(recordStatement(value) as unknown as Json) !== canonicalJson(statement as unknown as Json)
    )
      fail("the statement's subjects are not the record's result and artifacts")
    return { detail: `job ${value.job_id}, settled ${value.settled_at}`, value }
  })
  if (contract === undefined || signed === undefined || record === undefined) return undefined
  await list.run('contract-hash', async () => {
    const hash = sha256Hex(bundle.contract)
    if (hash !== record.contract_hash)
      fail(`the contract's hash is ${hash}, the record says ${record.contract_hash}`)
    if (formatOp(contract.op) !== record.op) fail(`the record says ${record.op}`)
    if (canonicalJson(contract.verify) !== canonicalJson(record.verification.asked))
      fail('the record claims another verification than the contract asked for')
    return { detail: hash, value: true }
  })
  await list.run('replay-key', async () => {
    checkReplayKey(bundle.replay_key_material, contract, record)
    return { detail: record.replay_key, value: true }
  })
  await list.run('plan', async () => {
    const job = planHere(contract, record, ports.ops)
    return { detail: `${job.plan.shard_count} shards, kernel ${record.kernel.slice(0, 16)}…`, value: true }
  })
  return record
}

/** The material is the contract's, and its digest the record's. */
function checkReplayKey(text: string, contract: Contract, record: JobRecord): void {
  const material = canonicalValue(text, 'the replay key material', MATERIAL_BYTES)
  if (sha256Hex(text) !== record.replay_key)
    fail(`its digest is ${sha256Hex(text)}, the record says ${record.replay_key}`)
  if (!isObject(material)) fail('it is no object')
  const expected: Record<string, Json> = {
    args: contract.args,
    inputs: contract.inputs as unknown as Json,
    kernel: record.kernel,
    kernel_semantics: record.kernel_semantics,
    op: { ...contract.op },
    replay_key: 1,
    seed: seedMaterialOf(contract) as unknown as Json,
    tables: record.tables,
  }
  for (const [name, value] of Object.entries(expected))
    if (canonicalJson(material[name] ?? null) !== canonicalJson(value))
      fail(`its ${name} is not that of this contract`)
  const { plan } = material
  if (Object.keys(material).length !== Object.keys(expected).length + 1 || !isObject(plan))
    fail('it has other fields than a replay key has')
  if (sha256Hex(canonicalJson(plan)) !== record.plan_digest)
    fail("its plan does not have the record's plan digest")
  const { planned, accepted } = record.shards
  if (plan.shard_count !== planned) fail('its plan has another number of shards')
  const ends = Array.isArray(plan.looks) ? (plan.looks as readonly Json[]) : [planned]
  if (accepted > planned || !ends.includes(accepted))
    fail(`the result covers ${accepted} of ${planned} shards, where this plan does not stop`)
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Plans the contract again, where this software has the same kernel. */
function planHere(contract: Contract, record: JobRecord, ops: OpRegistry): PreparedJob {
  if (!ops.list().some(({ id }) => id === record.op)) throw new Skip(`this software has no op ${record.op}`)
  const job = ops.prepare(contract)
  if (job.kernelDigest !== record.kernel)
    throw new Skip(
      `this software has another version of the kernel, ${job.kernelDigest.slice(0, 16)}…: replay with the one of that time`,
    )
  if (job.canonical !== canonicalContract(contract))
    fail("a default of the op's arguments is not written out")
  if (job.planDigest !== record.plan_digest) fail(`here the plan digest is ${job.planDigest}`)
  if (job.replayKey !== record.replay_key) fail(`here the replay key is ${job.replayKey}`)
  if (job.plan.work_units !== record.work_units) fail(`here the plan has ${job.plan.work_units} work units`)
  return job
}

/**
 * That result, digests, trace and receipts are the record's and agree. @param hub id of the key that signed the record
 * @returns accepted digests where the file has them and they pass
 */
export async function checkWork(
  list: Checklist,
  { bundle, rows }: ParsedBundle,
  record: JobRecord,
  hub: HexDigest,
  ports: VerifyPorts,
): Promise<Uint8Array | undefined> {
  await list.run('result', async () => {
    const value = canonicalValue(bundle.result, 'the result', LIMITS.blob_bytes)
    const digest = sha256Hex(bundle.result)
    if (digest !== record.result.digest)
      fail(`its digest is ${digest}, the record says ${record.result.digest}`)
    const covered = stoppedAfter(value)
    if (covered !== undefined && covered !== record.shards.accepted)
      fail(`it was made of ${covered} shards, the record says ${record.shards.accepted}`)
    return { detail: digest, value: true }
  })
  const digests = await list.run('shards', async () => {
    const packed = acceptedDigests(rows, record)
    const root = bytesToHex(merkleRootOfDigests(packed))
    if (root !== record.shards.root) fail(`their root is ${root}, the record says ${record.shards.root}`)
    return {
      detail: `${record.shards.accepted} of ${record.shards.planned} planned, root ${root.slice(0, 16)}…`,
      value: packed,
    }
  })
  const trace = await list.run('trace', async () => {
    if (sha256Hex(bundle.trace) !== record.trace) fail(`its digest is ${sha256Hex(bundle.trace)}`)
    const value = parseTrace(canonicalValue(bundle.trace, 'the trace', LIMITS.blob_bytes))
    return { detail: checkTrace(value, record), value }
  })
  const receipts = await list.run('receipts', async () => {
    const root = bytesToHex(merkleRootOfLeaves(bundle.receipts.map(receiptLeaf)))
    if (root !== record.receipts.root || bundle.receipts.length !== record.receipts.count)
      fail(
        `${bundle.receipts.length} receipts with root ${root}; the record says ${record.receipts.count} with ${record.receipts.root}`,
      )
    const value = await checkReceipts(bundle.receipts, record, hub, digests, ports.verifySignature)
    const leased = value.filter((receipt) => receipt.leased).length
    return {
      detail: `${value.length} receipts of ${new Set(value.map(({ agent }) => agent)).size} keys, ${leased} of them for signed leases`,
      value,
    }
  })
  await list.run('verification', async () => {
    if (trace === undefined || receipts === undefined)
      throw new Skip('the trace or the receipts were rejected')
    return { detail: checkVerification(trace, receipts, record), value: true }
  })
  return digests
}

/** Shards that the result of a job with a target says it covers; undefined for other jobs. */
function stoppedAfter(result: Json): number | undefined {
  const stopping = isObject(result) ? result.stopping : undefined
  const shards = isObject(stopping) ? stopping.shards : undefined
  return typeof shards === 'number' ? shards : undefined
}

/** 32 bytes for each accepted shard, in order. @throws ForgeError DIGEST_MISMATCH when the rows hold more or less */
function acceptedDigests(rows: readonly Uint8Array[] | undefined, record: JobRecord): Uint8Array {
  if (rows === undefined)
    throw new Skip('the file was downloaded without digests: ask for them to check shards against receipts')
  const packed = new Uint8Array(32 * record.shards.accepted)
  let at = 0
  for (const bytes of rows) {
    if (bytes.length !== Math.min(32 * DIGEST_ROW, packed.length - at) || bytes.length === 0)
      fail(`their rows do not hold a digest for each shard, ${DIGEST_ROW} a row`)
    packed.set(bytes, at)
    at += bytes.length
  }
  if (at !== packed.length) fail(`${at / 32} digests for ${record.shards.accepted} shards`)
  return packed
}

/** A text that is its own canonical form. */
function canonicalValue(text: string, what: string, maxBytes?: number): Json {
  const value = parseJsonStrict(text, maxBytes)
  if (canonicalJson(value) !== text) fail(`${what} is not in canonical form`)
  return value
}
