import { z } from 'zod'
import { fromBase64 } from '../base64.ts'
import { canonicalJson, parseJsonStrict } from '../canonical.ts'
import { schemaError } from '../contract.ts'
import { bytesToHex, type HexDigest, hexToBytes, sha256 } from '../digest.ts'
import { leaseDigest, leaseOf } from '../lease.ts'
import type { VerifySignature } from '../ledger/signed-note.ts'
import { LIMITS } from '../limits.ts'
import { merkleRootOfDigests } from '../merkle.ts'
import { EXECUTOR_KINDS, type ExecutorKind, type Receipt, signedReceiptText } from '../receipt.ts'
import type { EvidenceBundle } from './bundle.ts'
import { fail } from './checklist.ts'
import { hexDigest } from './field-schemas.ts'
import type { JobRecord } from './record.ts'

/** Receipts as evidence carries them. */

type SignedReceiptText = EvidenceBundle['receipts'][number]

const receiptFields = {
  lease_id: z.string().min(1).max(64),
  epoch: z.int().min(0),
  contract_hash: hexDigest,
  plan_digest: hexDigest,
  first: z.int().min(0),
  count: z.int().min(1).max(LIMITS.lease_shards),
  result_root: hexDigest,
  executor: z.enum(EXECUTOR_KINDS),
  software: z.string().max(256),
}
/** Of before hubs signed leases. */
export const receiptSchemaOne = z.strictObject({ receipt: z.literal(1), ...receiptFields })
export const receiptSchemaTwo = z.strictObject({ receipt: z.literal(2), ...receiptFields, lease: hexDigest })
export const receiptSchema = z.discriminatedUnion('receipt', [receiptSchemaOne, receiptSchemaTwo])

/** What a verified receipt proves: this key gave these digests for these shards. */
export interface CheckedReceipt {
  readonly agent: HexDigest
  readonly first: number
  readonly count: number
  readonly executor: ExecutorKind
  /** It names the digest of a lease that the hub signed. */
  readonly leased: boolean
  /** Shards for which its digest is not the accepted one, ascending. */
  readonly differs: readonly number[]
}

/** Data of the receipt's leaf under the record's receipts root: the signed bytes, then key and signature. */
export function receiptLeaf({
  receipt,
  key,
  signature,
}: Pick<SignedReceiptText, 'receipt' | 'key' | 'signature'>): Uint8Array {
  const parts = [signedReceiptText(receipt), fromBase64(key), fromBase64(signature)]
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * @param hub id of the hub's key that has signed the record
 * @param digests accepted digests in the order of shards; undefined when the file has none: roots are not compared then
 * @throws ForgeError with the first receipt that is wrong, and why
 */
export async function checkReceipts(
  receipts: readonly SignedReceiptText[],
  record: JobRecord,
  hub: HexDigest,
  digests: Uint8Array | undefined,
  verify: VerifySignature,
): Promise<CheckedReceipt[]> {
  const checked: CheckedReceipt[] = []
  const seen = new Set<string>()
  const hubs = [hub, ...(record.receipts.lease_hubs ?? [])]
  /** Roots of leases with the accepted digests: the copies of a shard often come from leases of the same shards. */
  const roots = new Map<string, HexDigest>()
  const rootOf = (range: Range, differs: Differs): HexDigest => {
    const name = `${range.first} ${range.count}`
    const known = differs.length === 0 ? roots.get(name) : undefined
    const root = known ?? leaseRoot(digests ?? new Uint8Array(0), range, differs)
    if (differs.length === 0) roots.set(name, root)
    return root
  }
  for (const [at, signed] of receipts.entries()) {
    const value = parseJsonStrict(signed.receipt)
    if (canonicalJson(value) !== signed.receipt) fail(`receipt ${at} is not in canonical form`)
    const parsed = receiptSchema.safeParse(value)
    if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', `receipts[${at}]`)
    const receipt = parsed.data
    const key = fromBase64(signed.key)
    if (receipt.contract_hash !== record.contract_hash) fail(`receipt ${at} is for another contract`)
    if (receipt.plan_digest !== record.plan_digest) fail(`receipt ${at} is for another plan`)
    if (receipt.first + receipt.count > record.shards.accepted)
      fail(`receipt ${at} is for shards that do not exist`)
    if (!(await verify(key, signedReceiptText(signed.receipt), fromBase64(signed.signature))))
      fail(`receipt ${at} is not signed by its key`)
    const agent = bytesToHex(sha256(key))
    if (receipt.receipt === 2 && leasingHub(receipt, record.job_id, agent, hubs) === undefined)
      fail(`receipt ${at} is for another lease than this hub gave its key for this job`)
    const lease = `${receipt.epoch} ${receipt.lease_id}`
    if (seen.has(lease)) fail(`receipt ${at} is for a lease that has one already`)
    seen.add(lease)
    const differs = signed.differs ?? []
    let next = receipt.first
    for (const [shard] of differs) {
      if (shard < next || shard >= receipt.first + receipt.count)
        fail(`receipt ${at} differs outside its lease, or out of order`)
      next = shard + 1
    }
    if (digests !== undefined && rootOf(receipt, differs) !== receipt.result_root)
      fail(`receipt ${at} is for other results than these`)
    checked.push({
      agent,
      leased: receipt.receipt === 2,
      first: receipt.first,
      count: receipt.count,
      executor: receipt.executor,
      differs: differs.map(([shard]) => shard),
    })
  }
  return checked
}

/** The hub's key, of several, that gave the lease which the receipt names; undefined for a lease of other contents. */
export function leasingHub(
  receipt: Receipt,
  job_id: string,
  agent: HexDigest,
  hubs: readonly HexDigest[],
): HexDigest | undefined {
  return hubs.find(
    (hub) => bytesToHex(leaseDigest(leaseOf(receipt, { job_id, agent, hub }))) === receipt.lease,
  )
}

interface Range {
  readonly first: number
  readonly count: number
}

type Differs = readonly (readonly [shard: number, digest: HexDigest])[]

function leaseRoot(digests: Uint8Array, { first, count }: Range, differs: Differs): HexDigest {
  let own = digests.subarray(32 * first, 32 * (first + count))
  if (differs.length > 0) {
    own = own.slice()
    for (const [shard, digest] of differs) own.set(hexToBytes(digest), 32 * (shard - first))
  }
  return bytesToHex(merkleRootOfDigests(own))
}
