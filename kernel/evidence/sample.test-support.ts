import { createPrivateKey, createPublicKey, randomBytes, sign, verify } from 'node:crypto'
import { toBase64 } from '../base64.ts'
import { REFEREE } from '../bill.ts'
import { canonicalJson } from '../canonical.ts'
import { bytesToHex, sha256, sha256Hex, utf8ToBytes } from '../digest.ts'
import { leaseDigest, leaseOf } from '../lease.ts'
import { formatCheckpoint } from '../ledger/checkpoint.ts'
import { formatLogProof } from '../ledger/proof-text.ts'
import {
  COSIGNATURE,
  cosignNote,
  formatSignedNote,
  formatVkey,
  NOTE_SIGNATURE,
  type NoteKey,
  signNote,
  type VerifySignature,
} from '../ledger/signed-note.ts'
import { merkleLeafHash, merkleNodeHash, merkleRootOfDigests } from '../merkle.ts'
import { inclusionProof, rootOf, type SubtreeHash } from '../merkle-proof.ts'
import { OPS } from '../ops/registry.ts'
import { type Receipt, receiptBytes, type UnleasedReceipt } from '../receipt.ts'
import type { CheckFindings } from '../verification/job-bound.ts'
import { assemble, digestRows, type RecordedRun, type SettledJob, type StoredReceipt } from './assemble.ts'
import type { EvidenceBundle } from './bundle.ts'
import { type Envelope, envelopeDigest, keyIdOf, sealStatement } from './envelope.ts'
import { recordLeaf } from './leaf.ts'
import { type JobRecord, recordStatement } from './record.ts'

/** A job of made-up digests under real keys, in a small log with a witness: what the checks of evidence are tried on. */

export interface Key {
  readonly publicKey: Uint8Array
  sign(message: Uint8Array): Uint8Array
}

/** @param seed 32 bytes, the secret key of RFC 8032; another one each time when left out */
export function makeKey(seed: Uint8Array = randomBytes(32)): Key {
  // RFC 8410: what stands before an Ed25519 secret key in PKCS #8.
  const head = Buffer.from('302e020100300506032b657004220420', 'hex')
  const privateKey = createPrivateKey({ key: Buffer.concat([head, seed]), format: 'der', type: 'pkcs8' })
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' })
  return {
    publicKey: new Uint8Array(Buffer.from(x as string, 'base64url')),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  }
}

export const verifySignature: VerifySignature = (publicKey, message, signature) => {
  try {
    const x = Buffer.from(publicKey).toString('base64url')
    return verify(
      null,
      message,
      createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' }),
      signature,
    )
  } catch {
    return false
  }
}

export const ports = { verifySignature, ops: OPS }

export interface Sample {
  readonly bundle: EvidenceBundle
  readonly record: JobRecord
  readonly settled: SettledJob
  readonly hub: Key
  readonly log: Key
  readonly logKey: NoteKey
  readonly witness: Key
  readonly witnessKey: NoteKey
  readonly agents: readonly Key[]
}

export interface SampleOptions {
  /** Seed of all keys, which are SHA-256(`seed/role`): the same seed, the same bytes. Other keys each time when left out. */
  readonly seed?: string
  /** As the contract asks. Under `none` agent 0 executes all shards alone. */
  readonly mode?: 'quorum' | 'none'
  /** Version of the receipts: 1 is of before hubs signed leases. */
  readonly receipt?: 1 | 2
  /** What checks have found; without it the record states no bound. */
  readonly findings?: CheckFindings
}

export const JOB_ID = '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e'

export const digestOf = (text: string): Uint8Array => sha256(utf8ToBytes(text))

/** Under a quorum agents 0 and 1 close the first third of the shards, 1 and 2 the second, 2 and the referee the rest. */
export async function makeSample({
  seed,
  mode = 'quorum',
  receipt: version = 2,
  findings,
}: SampleOptions = {}): Promise<Sample> {
  const keyOf = (role: string): Key => makeKey(seed === undefined ? undefined : digestOf(`${seed}/${role}`))
  const job = OPS.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: 100_000_000 },
    seed: { mode: 'explicit', value: '42' },
    verify: mode === 'quorum' ? { mode, k: 2 } : { mode },
  })
  const accepted = job.plan.shard_count
  const hub = keyOf('hub')
  const agents = [keyOf('agent 0'), keyOf('agent 1'), keyOf('agent 2')]
  const digests = Array.from({ length: accepted }, (_, shard) => digestOf(`shard ${shard}`))
  const copy = (at: number) => ({
    agent: bytesToHex(sha256((agents[at] as Key).publicKey)),
    owner: `owner ${at}`,
    executor: at === 1 ? ('webgpu' as const) : ('wasm' as const),
  })
  const run = (
    first: number,
    count: number,
    method: RecordedRun['method'],
    copies: RecordedRun['copies'],
  ): RecordedRun => ({
    first,
    count,
    method,
    copies,
    digests: new Uint8Array(Buffer.concat(digests.slice(first, first + count))),
  })
  const third = Math.floor(accepted / 3)
  const referee = { agent: REFEREE, owner: REFEREE, executor: 'wasm' as const }
  const quorum = [
    run(2 * third, accepted - 2 * third, 'referee', [copy(2), referee]),
    run(0, third, 'quorum', [copy(0), copy(1)]),
    run(third, third, 'quorum', [copy(1), copy(2)]),
  ]
  const runs = mode === 'quorum' ? quorum : [run(0, accepted, 'single', [copy(0)])]
  const receipt = (at: number, first: number, count: number, lease: number): StoredReceipt => {
    const range = {
      lease_id: `1.${lease}`,
      epoch: 1,
      contract_hash: job.contractHash,
      plan_digest: job.planDigest,
      first,
      count,
    }
    const fields = {
      ...range,
      result_root: bytesToHex(
        merkleRootOfDigests(new Uint8Array(Buffer.concat(digests.slice(first, first + count)))),
      ),
      executor: copy(at).executor,
      software: 'forge-agent/0.0.0',
    }
    const key = agents[at] as Key
    const body: Receipt | UnleasedReceipt =
      version === 1
        ? { receipt: 1, ...fields }
        : {
            receipt: 2,
            ...fields,
            lease: bytesToHex(
              leaseDigest(
                leaseOf(range, {
                  job_id: JOB_ID,
                  agent: keyIdOf(key.publicKey),
                  hub: keyIdOf(hub.publicKey),
                }),
              ),
            ),
          }
    return { receipt: body, publicKey: key.publicKey, signature: key.sign(receiptBytes(body)) }
  }
  const result = canonicalJson({ inside: 78_539_816, points: 100_000_000 })
  const settled: SettledJob = {
    id: JOB_ID,
    hubs: [keyIdOf(hub.publicKey)],
    job,
    accepted,
    runs,
    receipts:
      mode === 'quorum'
        ? [receipt(0, 0, third, 1), receipt(1, 0, 2 * third, 2), receipt(2, third, accepted - third, 3)]
        : [receipt(0, 0, third, 1), receipt(0, third, accepted - third, 2)],
    withheld: [],
    replaced: [],
    findings,
    result_digest: sha256Hex(result),
    artifacts: [],
    credits: 120,
    settled_at: '2026-11-26T12:00:00Z',
    salt: digestOf('salt').subarray(0, 16),
  }
  const log = keyOf('log')
  const witness = keyOf('witness')
  const logKey: NoteKey = { name: 'pool.example/ledger', type: NOTE_SIGNATURE, publicKey: log.publicKey }
  const witnessKey: NoteKey = { name: 'witness.example/w', type: COSIGNATURE, publicKey: witness.publicKey }
  const { record, trace, receipts, digests: packed } = assemble(settled)
  const envelope = await sealStatement(recordStatement(record), hub)
  const bundle: EvidenceBundle = {
    forge: 1,
    contract: job.canonical,
    replay_key_material: job.replayKeyMaterial,
    envelope,
    result,
    trace,
    receipts,
    digests: digestRows(packed),
    log: { proof: await proofOf(envelope, { log, logKey, witness, witnessKey }) },
    keys: { hub: toBase64(hub.publicKey), log: formatVkey(logKey), witnesses: [formatVkey(witnessKey)] },
  }
  return { bundle, record, settled, hub, log, logKey, witness, witnessKey, agents }
}

type LogKeys = Pick<Sample, 'log' | 'logKey' | 'witness' | 'witnessKey'>

/** Entries of a log of 300 in which the record is entry 257. */
function treeWith(envelope: Envelope): SubtreeHash {
  const leaf = (index: number): Uint8Array =>
    merkleLeafHash(index === 257 ? recordLeaf(envelopeDigest(envelope)) : utf8ToBytes(`other ${index}`))
  const known = new Map<string, Uint8Array>()
  const subtree: SubtreeHash = (level, index) => {
    const name = `${level} ${index}`
    const hash =
      known.get(name) ??
      (level === 0
        ? leaf(index)
        : merkleNodeHash(subtree(level - 1, 2 * index), subtree(level - 1, 2 * index + 1)))
    known.set(name, hash)
    return hash
  }
  return subtree
}

/** The log's signed head at `size`, cosigned. */
export async function checkpointAt(envelope: Envelope, size: number, keys: LogKeys): Promise<string> {
  const text = formatCheckpoint({ origin: keys.logKey.name, size, root: rootOf(size, treeWith(envelope)) })
  return formatSignedNote({
    text,
    signatures: [
      await signNote(text, keys.logKey, keys.log.sign),
      await cosignNote(text, keys.witnessKey, 1_795_000_000, keys.witness.sign),
    ],
  })
}

export async function proofOf(envelope: Envelope, keys: LogKeys): Promise<string> {
  return formatLogProof({
    index: 257,
    hashes: inclusionProof(257, 300, treeWith(envelope)),
    checkpoint: await checkpointAt(envelope, 300, keys),
  })
}

export function pastOf(envelope: Envelope): SubtreeHash {
  return treeWith(envelope)
}

export function fileOf(bundle: EvidenceBundle): string {
  return JSON.stringify(bundle)
}
