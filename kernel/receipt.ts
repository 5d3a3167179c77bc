import { canonicalJson } from './canonical.ts'
import type { HexDigest } from './digest.ts'
import { utf8ToBytes } from './digest.ts'

/** Kinds of executors. `webgpu` is the device, `wasm` the compiled kernel; `cpu` stands in old records only. */
export const EXECUTOR_KINDS = ['webgpu', 'wasm', 'cpu'] as const
export type ExecutorKind = (typeof EXECUTOR_KINDS)[number]

/** What an agent signs for a lease it has executed. */
export interface Receipt {
  readonly receipt: 2
  readonly lease_id: string
  readonly epoch: number
  readonly contract_hash: HexDigest
  readonly plan_digest: HexDigest
  readonly first: number
  readonly count: number
  /** RFC 6962 root over the lease's leaf digests in shard order. */
  readonly result_root: HexDigest
  readonly executor: ExecutorKind
  readonly software: string
  /** Digest of the lease that the hub has signed: kernel/lease.ts. */
  readonly lease: HexDigest
}

/** A receipt of before hubs signed leases: none is taken any more, and those that there are stay valid. */
export type UnleasedReceipt = Omit<Receipt, 'receipt' | 'lease'> & { readonly receipt: 1 }

/** The signed bytes: a domain line, then the canonical form. Ed25519, RFC 8032. */
export function receiptBytes(receipt: Receipt | UnleasedReceipt): Uint8Array {
  if (receipt.receipt === 1) return signedReceiptText(canonicalJson({ ...receipt }))
  // RFC 8785, written out: agent and hub make it for every lease.
  const {
    contract_hash,
    count,
    epoch,
    executor,
    first,
    lease,
    lease_id,
    plan_digest,
    result_root,
    software,
  } = receipt
  return utf8ToBytes(
    `forge/receipt/2\n{"contract_hash":"${contract_hash}","count":${count},"epoch":${epoch},"executor":"${executor}",` +
      `"first":${first},"lease":"${lease}","lease_id":${canonicalJson(lease_id)},"plan_digest":"${plan_digest}","receipt":2,` +
      `"result_root":"${result_root}","software":${canonicalJson(software)}}`,
  )
}

/** @param canonical a receipt's canonical form */
export function signedReceiptText(canonical: string): Uint8Array {
  // Inside a JSON string a quotation mark stands after a backslash: only the field itself reads so.
  const version = canonical.includes('"receipt":2,') ? 2 : 1
  return utf8ToBytes(`forge/receipt/${version}\n${canonical}`)
}
