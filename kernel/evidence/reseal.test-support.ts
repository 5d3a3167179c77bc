import { fromBase64, toBase64 } from '../base64.ts'
import { canonicalJson, type Json } from '../canonical.ts'
import { bytesToHex, sha256Hex } from '../digest.ts'
import { type Lease, leaseDigest, leaseOf } from '../lease.ts'
import { MerkleRoot, merkleRootOfDigests } from '../merkle.ts'
import { type Receipt, signedReceiptText } from '../receipt.ts'
import { digestRows } from './assemble.ts'
import type { EvidenceBundle } from './bundle.ts'
import { type Envelope, keyIdOf, sealStatement } from './envelope.ts'
import { receiptLeaf } from './receipts.ts'
import { type JobRecord, recordStatement } from './record.ts'
import { type Key, proofOf, type Sample } from './sample.test-support.ts'
import { countTrace, type Trace, traceText } from './trace.ts'

/** What a hub that lies can do: sign and log a record of its choice. */

/** The parts of evidence that a record commits to. */
export interface Draft {
  contract: string
  material: string
  result: string
  trace: Trace
  receipts: EvidenceBundle['receipts']
  /** 32 bytes a shard. */
  digests: Uint8Array
}

/**
 * The sample with other parts, under a record that commits to them with the right digests, signed and in the log.
 * @param edit changes the parts
 * @param claim changes the record afterwards
 */
export async function reseal(
  sample: Sample,
  edit: (draft: Draft) => void,
  claim: (record: JobRecord) => void = () => undefined,
  hub: Key = sample.hub,
): Promise<EvidenceBundle> {
  const { bundle } = sample
  const draft: Draft = {
    contract: bundle.contract,
    material: bundle.replay_key_material,
    result: bundle.result,
    trace: JSON.parse(bundle.trace) as Trace,
    receipts: structuredClone(bundle.receipts),
    digests: new Uint8Array(Buffer.concat((bundle.digests ?? []).map(fromBase64))),
  }
  edit(draft)
  const { root: _, ...shards } = sample.record.shards
  const tree = new MerkleRoot()
  for (const receipt of draft.receipts) tree.append(receiptLeaf(receipt))
  const trace = traceText(draft.trace)
  const record: JobRecord = {
    ...structuredClone(sample.record),
    contract_hash: sha256Hex(draft.contract),
    replay_key: sha256Hex(draft.material),
    shards: { ...shards, root: bytesToHex(merkleRootOfDigests(draft.digests)) },
    result: { ...sample.record.result, digest: sha256Hex(draft.result) },
    verification: { asked: sample.record.verification.asked, ...countTrace(draft.trace) },
    receipts: { count: draft.receipts.length, root: bytesToHex(tree.root()) },
    trace: sha256Hex(trace),
  }
  claim(record)
  const envelope = await sealStatement(recordStatement(record), hub)
  return {
    ...bundle,
    contract: draft.contract,
    replay_key_material: draft.material,
    envelope,
    result: draft.result,
    trace,
    receipts: draft.receipts,
    digests: digestRows(draft.digests),
    log: { proof: await proofOf(envelope, sample) },
  }
}

/** The sample with a statement of any text, signed and in the log. */
export async function restate(sample: Sample, edit: (statement: string) => string): Promise<EvidenceBundle> {
  const statement = new TextDecoder().decode(fromBase64(sample.bundle.envelope.payload))
  return reenvelop(sample, new TextEncoder().encode(edit(statement)))
}

/** The sample with an envelope over any bytes, signed and in the log. */
export async function reenvelop(sample: Sample, payload: Uint8Array): Promise<EvidenceBundle> {
  const { envelope } = sample.bundle
  const head = new TextEncoder().encode(
    `DSSEv1 ${envelope.payloadType.length} ${envelope.payloadType} ${payload.length} `,
  )
  const sig = toBase64(sample.hub.sign(new Uint8Array(Buffer.concat([head, payload]))))
  return relog(sample, {
    ...envelope,
    payload: toBase64(payload),
    signatures: envelope.signatures.map(({ keyid }) => ({ keyid, sig })),
  })
}

/** The sample with this envelope, in the log. */
export async function relog(sample: Sample, envelope: Envelope): Promise<EvidenceBundle> {
  return { ...sample.bundle, envelope, log: { proof: await proofOf(envelope, sample) } }
}

/** The receipt `at` of the sample with other fields, signed by its agent. */
export function resignReceipt(
  sample: Sample,
  at: number,
  fields: Readonly<Record<string, Json>>,
): EvidenceBundle['receipts'][number] {
  const { settled, agents } = sample
  const stored = settled.receipts[at]
  const key = agents.find(
    ({ publicKey }) => Buffer.compare(publicKey, stored?.publicKey ?? Buffer.alloc(0)) === 0,
  )
  if (stored === undefined || key === undefined) throw new Error(`the sample has no receipt ${at}`)
  const body = { ...stored.receipt, ...fields } as unknown as Receipt
  return signAnew(body, key)
}

/** The receipt `at` of the sample for another lease, which it names with the right digest. */
export function receiptOfLease(
  sample: Sample,
  at: number,
  lease: Partial<Lease>,
  fields: Readonly<Record<string, Json>> = {},
): EvidenceBundle['receipts'][number] {
  const stored = sample.settled.receipts[at]
  if (stored === undefined) throw new Error(`the sample has no receipt ${at}`)
  const given = leaseOf(stored.receipt, {
    job_id: sample.record.job_id,
    agent: keyIdOf(stored.publicKey),
    hub: keyIdOf(sample.hub.publicKey),
  })
  return resignReceipt(sample, at, { ...fields, lease: bytesToHex(leaseDigest({ ...given, ...lease })) })
}

function signAnew(body: Receipt, key: Key): EvidenceBundle['receipts'][number] {
  // Written here: the agent's own form knows no other fields than a receipt has.
  const receipt = canonicalJson({ ...body })
  return {
    receipt,
    key: toBase64(key.publicKey),
    signature: toBase64(key.sign(signedReceiptText(receipt))),
  }
}

/** The receipt `at` of the sample as one of version 1, signed with the domain line of version 2. */
export function underAnotherDomain(sample: Sample, at: number): EvidenceBundle['receipts'][number] {
  const stored = sample.settled.receipts[at]
  const key = sample.agents.find(
    ({ publicKey }) => keyIdOf(publicKey) === keyIdOf(stored?.publicKey ?? publicKey),
  )
  if (stored === undefined || key === undefined) throw new Error(`the sample has no receipt ${at}`)
  const { lease: _, ...fields } = { lease: '', ...stored.receipt }
  const receipt = canonicalJson({ ...fields, receipt: 1 })
  const signature = key.sign(new TextEncoder().encode(`forge/receipt/2\n${receipt}`))
  return { receipt, key: toBase64(key.publicKey), signature: toBase64(signature) }
}
