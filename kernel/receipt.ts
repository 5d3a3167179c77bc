import { canonicalJson } from './canonical.ts'
import type { HexDigest } from './digest.ts'
import { utf8ToBytes } from './digest.ts'

/** Kinds of executors. `webgpu` is the device, `wasm` the compiled kernel; `cpu` stands in old records only. */
export const EXECUTOR_KINDS = ['webgpu', 'wasm', 'cpu'] as const
export type ExecutorKind = (typeof EXECUTOR_KINDS)[number]

/** What an agent signs for a lease it has executed. */
export interface Receipt {
  readonly receipt: 1
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
}

/** The signed bytes: a domain line, then the canonical form. Ed25519, RFC 8032. */
export function receiptBytes(receipt: Receipt): Uint8Array {
  return signedReceiptText(canonicalJson({ ...receipt }))
}

/** @param canonical a receipt's canonical form */
export function signedReceiptText(canonical: string): Uint8Array {
  return utf8ToBytes(`forge/receipt/1\n${canonical}`)
}
