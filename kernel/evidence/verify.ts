import { fromBase64 } from '../base64.ts'
import { canonicalJson, type Json, type JsonObject, parseJsonStrict } from '../canonical.ts'
import { type Contract, canonicalContract, formatOp, parseContract } from '../contract.ts'
import { bytesToHex, type HexDigest, sha256Hex } from '../digest.ts'
import { type OpRegistry, type PreparedJob, seedMaterialOf } from '../job.ts'
import { type Checkpoint, parseCheckpoint } from '../ledger/checkpoint.ts'
import { parseLogProof } from '../ledger/proof-text.ts'
import {
  COSIGNATURE,
  NOTE_SIGNATURE,
  type NoteKey,
  parseSignedNote,
  parseVkey,
  type SignedNote,
  type VerifySignature,
  verifyNote,
} from '../ledger/signed-note.ts'
import { strictly } from '../ledger/strict-ed25519.ts'
import { LIMITS } from '../limits.ts'
import { merkleLeafHash, merkleRootOfDigests, merkleRootOfLeaves } from '../merkle.ts'
import { verifyConsistency, verifyInclusion } from '../merkle-proof.ts'
import { DIGEST_ROW } from './bundle.ts'
import { type EvidenceFile, type ParsedBundle, readBundle } from './bundle-parser.ts'
import { type Check, Checklist, fail, Skip } from './checklist.ts'
import { type Correction, checkCorrection } from './correction.ts'
import { envelopeDigest, isSignedBy, keyIdOf, openStatement } from './envelope.ts'
import { recordLeaf } from './leaf.ts'
import { checkReceipts, receiptLeaf } from './receipts.ts'
import { type JobRecord, parseRecord, recordStatement } from './record.ts'
import { checkTrace, checkVerification, parseTrace } from './trace-checks.ts'

/**
 * Checks an evidence file from its bytes alone: no network, no server, no state. What it cannot know, whose key is whose and
 * what the ledger looked like before, the caller may pin.
 */

/** It repeats the contract's arguments and inputs, and adds the plan. */
const MATERIAL_BYTES = 2 * LIMITS.contract_bytes

export interface Pins {
  /** The hub's key for records, 32 bytes. */
  readonly hubKey?: Uint8Array | undefined
  readonly logKey?: NoteKey | undefined
  /** Witnesses that the caller trusts, and how many of them must have cosigned. */
  readonly witnesses?: { readonly keys: readonly NoteKey[]; readonly needed: number } | undefined
  /** A signed checkpoint that the caller kept from before. */
  readonly checkpoint?: string | undefined
}

export interface VerifyPorts {
  readonly verifySignature: VerifySignature
  readonly ops: OpRegistry
}

export interface EvidenceReport {
  /** No check failed. Skipped ones say in `checks` what was not looked at. */
  readonly verified: boolean
  readonly checks: readonly Check[]
  /** Undefined when the file does not get so far. */
  readonly record: JobRecord | undefined
  /** The file without its digests. */
  readonly bundle: Bundle | undefined
  /** Accepted digests, 32 bytes a shard, when the file has them and they passed. */
  readonly digests: Uint8Array | undefined
  /** True where the file is rejected for nothing but corrections that are the ledger's own. */
  readonly corrected: boolean
}

type Bundle = ParsedBundle['bundle']

/** @throws what the parts of the file throw, where it comes in parts */
export async function verifyEvidence(
  file: EvidenceFile,
  pins: Pins,
  { verifySignature, ops }: VerifyPorts,
): Promise<EvidenceReport> {
  const ports = { verifySignature: strictly(verifySignature), ops }
  const list = new Checklist()
  const parser = await readBundle(file)
  const parsed = await list.run('format', async () => ({
    detail: `${parser.bytes} bytes`,
    value: parser.finish(),
  }))
  const { checks } = list
  if (parsed === undefined)
    return {
      verified: false,
      checks,
      record: undefined,
      bundle: undefined,
      digests: undefined,
      corrected: false,
    }
  const { bundle } = parsed
  const record = await checkRecord(list, bundle, pins, ports)
  let digests: Uint8Array | undefined
  let corrected = false
  if (record !== undefined) {
    digests = await checkWork(list, parsed, record, keyIdOf(hubKeyOf(bundle, pins)), ports)
    const log = await checkLog(list, bundle, pins, ports)
    if (log !== undefined) {
      const isSound = !list.failed
      corrected = (await checkCorrections(list, { bundle, record, ...log }, digests, ports)) && isSound
    }
  }
  return { verified: !list.failed, checks, record, bundle, digests, corrected }
}

const hubKeyOf = (bundle: Bundle, pins: Pins): Uint8Array => pins.hubKey ?? fromBase64(bundle.keys.hub)

async function checkRecord(
  list: Checklist,
  bundle: Bundle,
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

async function checkWork(
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

async function checkLog(
  list: Checklist,
  bundle: Bundle,
  pins: Pins,
  ports: VerifyPorts,
): Promise<{ readonly at: number; readonly checkpoint: Checkpoint } | undefined> {
  const log = await list.run('inclusion', async () => {
    const proof = parseLogProof(bundle.log.proof)
    const note = parseSignedNote(proof.checkpoint)
    const checkpoint = parseCheckpoint(note.text)
    const leaf = merkleLeafHash(recordLeaf(envelopeDigest(bundle.envelope)))
    if (!verifyInclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root))
      fail(
        `the proof does not lead from this record to the root of ${checkpoint.origin} at ${checkpoint.size}`,
      )
    return {
      detail: `entry ${proof.index} of ${checkpoint.size}`,
      value: { note, checkpoint, at: proof.index },
    }
  })
  if (log === undefined) return undefined
  await list.run('checkpoint', async () => {
    const key = pins.logKey ?? parseVkey(bundle.keys.log)
    if (key.type !== NOTE_SIGNATURE) fail('the key is not one of a log')
    if (key.name !== log.checkpoint.origin)
      fail(`the log is ${log.checkpoint.origin}, the key is that of ${key.name}`)
    const { state } = await verifyNote(log.note, key, ports.verifySignature)
    if (state !== 'valid')
      fail(state === 'absent' ? `${key.name} has not signed it` : `the signature of ${key.name} is wrong`)
    return {
      detail: `${key.name}${pins.logKey ? ', pinned' : ': not pinned, so only as good as the file'}`,
      value: true,
    }
  })
  await list.run('consistency', async () => ({
    detail: await checkPast(bundle, log.checkpoint, pins, ports),
    value: true,
  }))
  await list.run('witnesses', async () => ({
    detail: await checkWitnesses(log.note, bundle, pins, ports),
    value: true,
  }))
  return { at: log.at, checkpoint: log.checkpoint }
}

/** @returns whether the file shows corrections, all of which are the ledger's */
async function checkCorrections(
  list: Checklist,
  of: {
    readonly bundle: Bundle
    readonly record: JobRecord
    readonly at: number
    readonly checkpoint: Checkpoint
  },
  digests: Uint8Array | undefined,
  { verifySignature }: VerifyPorts,
): Promise<boolean> {
  const found: Correction[] = []
  const { corrections } = of.bundle
  await list.run('corrections', async () => {
    if (corrections === undefined)
      throw new Skip('the file names none; the entries of the ledger show whether there is one')
    for (const shown of corrections)
      found.push(await checkCorrection(shown, of, of.checkpoint, digests, verifySignature))
    const shards = found.reduce((sum, { wrong }) => sum + wrong.length, 0)
    return fail(
      `the hub found ${shards} of its shards wrong: ${corrections.map(({ index }) => `entry ${index}`).join(', ')}`,
    )
  })
  return corrections !== undefined && found.length === corrections.length
}

async function checkPast(
  bundle: Bundle,
  now: Checkpoint,
  pins: Pins,
  { verifySignature }: VerifyPorts,
): Promise<string> {
  if (pins.checkpoint === undefined) throw new Skip('no earlier checkpoint was given to compare with')
  const note = parseSignedNote(pins.checkpoint)
  const past = parseCheckpoint(note.text)
  if (past.origin !== now.origin) fail(`the checkpoint given is of another log, ${past.origin}`)
  const key = pins.logKey ?? parseVkey(bundle.keys.log)
  if ((await verifyNote(note, key, verifySignature)).state !== 'valid')
    fail('the checkpoint given is not signed by this log')
  if (past.size > now.size) fail(`the ledger had ${past.size} entries before and shows ${now.size} now`)
  const offered = bundle.log.consistency
  const hashes =
    past.size === now.size || past.size === 0
      ? []
      : offered?.old === past.size
        ? offered.hashes.map(fromBase64)
        : undefined
  // Not to show the proof is what a forked ledger would do.
  if (hashes === undefined)
    fail(`the file has no proof from size ${past.size}: download it again with ?since=${past.size}`)
  if (!verifyConsistency(past.size, now.size, past.root, now.root, hashes))
    fail(`the ledger at ${now.size} does not contain the one of ${past.size} that was given`)
  return `grown from ${past.size} to ${now.size} entries`
}

async function checkWitnesses(
  note: SignedNote,
  bundle: Bundle,
  pins: Pins,
  { verifySignature }: VerifyPorts,
): Promise<string> {
  const keys = pins.witnesses?.keys ?? bundle.keys.witnesses.map(parseVkey)
  const seen: string[] = []
  const counted = new Set<string>()
  for (const key of keys) {
    const identity = bytesToHex(key.publicKey)
    if (counted.has(identity)) fail(`the key of ${key.name} stands twice among the witnesses`)
    counted.add(identity)
    if (key.type !== COSIGNATURE) fail(`${key.name} is not the key of a witness`)
    const verdict = await verifyNote(note, key, verifySignature)
    if (verdict.state === 'invalid') fail(`the cosignature of ${key.name} is wrong`)
    if (verdict.state === 'valid') seen.push(key.name)
  }
  const needed = pins.witnesses?.needed ?? 0
  if (seen.length < needed) fail(`${seen.length} of the ${needed} witnesses asked for have cosigned`)
  if (keys.length === 0) throw new Skip('this ledger names no witnesses')
  if (seen.length === 0) throw new Skip('none of them has cosigned this checkpoint')
  return `cosigned by ${seen.join(', ')}${pins.witnesses ? '' : ': not pinned'}`
}

/** A text that is its own canonical form. */
function canonicalValue(text: string, what: string, maxBytes?: number): Json {
  const value = parseJsonStrict(text, maxBytes)
  if (canonicalJson(value) !== text) fail(`${what} is not in canonical form`)
  return value
}
