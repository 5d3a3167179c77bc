import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import { sha256, utf8ToBytes } from './digest.ts'
import type { VerifySignature } from './ledger/signed-note.ts'
import { LIMITS } from './limits.ts'
import { merkleLeafHash } from './merkle.ts'
import { inclusionRoot } from './merkle-proof.ts'

const hex32 = z.string().regex(/^[0-9a-f]{64}$/)
const count = z.int().min(0)

/** What a hub asks one agent for. The hub signs it, and the agent's receipt names its digest: each holds the other's word. */
export const leaseSchema = z.strictObject({
  lease: z.literal(1),
  lease_id: z.string().min(1).max(64),
  /** Number of the hub's start. */
  epoch: count,
  job_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  /** Id of the key that is asked. */
  agent: hex32,
  /** Id of the hub's key that asks. */
  hub: hex32,
  contract_hash: hex32,
  plan_digest: hex32,
  first: count,
  count: z.int().min(1).max(LIMITS.lease_shards),
})
export type Lease = Readonly<z.infer<typeof leaseSchema>>

/** Fields that a lease and its receipt share. */
export type LeasedRange = Pick<
  Lease,
  'lease_id' | 'epoch' | 'contract_hash' | 'plan_digest' | 'first' | 'count'
>

/** The lease of these shards, without whatever else `range` holds. */
export function leaseOf(
  range: LeasedRange,
  { job_id, agent, hub }: Pick<Lease, 'job_id' | 'agent' | 'hub'>,
): Lease {
  const { lease_id, epoch, contract_hash, plan_digest, first, count } = range
  return { lease: 1, lease_id, epoch, job_id, agent, hub, contract_hash, plan_digest, first, count }
}

/** SHA-256 over a domain line and the canonical form: 32 bytes, the lease's name in batches and receipts. */
export function leaseDigest(lease: Lease): Uint8Array {
  return sha256(utf8ToBytes(`forge/lease/1\n${canonicalLease(lease)}`))
}

/** RFC 8785, written out: a hub makes it twice for every lease. Digests and UUIDs hold nothing that JSON would escape. */
export function canonicalLease(lease: Lease): string {
  const { agent, contract_hash, count, epoch, first, hub, job_id, lease_id, plan_digest } = lease
  return `{"agent":"${agent}","contract_hash":"${contract_hash}","count":${count},"epoch":${epoch},"first":${first},"hub":"${hub}","job_id":"${job_id}","lease":1,"lease_id":${canonicalJson(lease_id)},"plan_digest":"${plan_digest}"}`
}

/**
 * The hub's signature of a lease. One signature is for all leases that leave at the same moment: it is over the RFC 6962
 * root of their digests, and each lease comes with its audit path.
 */
export interface LeaseProof {
  readonly index: number
  /** Leases in the batch. */
  readonly size: number
  /** Hashes from the lease's sibling up, 32 bytes each. */
  readonly path: Uint8Array
  /** Ed25519 over `leaseBatchBytes`. */
  readonly signature: Uint8Array
}

/** Leases in one batch, and hashes on the path of one of them. */
export const LEASE_BATCH_MAX = 64
export const LEASE_PATH_MAX = 6

/** What the hub signs for a batch: a domain line, then root and size. */
export function leaseBatchBytes(root: Uint8Array, size: number): Uint8Array {
  const head = utf8ToBytes(`forge/leases/1\n`)
  const bytes = new Uint8Array(head.length + root.length + 4)
  bytes.set(head)
  bytes.set(root, head.length)
  new DataView(bytes.buffer).setUint32(head.length + root.length, size)
  return bytes
}

/** @param hubKey 32 bytes. @returns whether this key has signed a batch that holds the lease */
export async function isLeaseSigned(
  digest: Uint8Array,
  { index, size, path, signature }: LeaseProof,
  hubKey: Uint8Array,
  verify: VerifySignature,
): Promise<boolean> {
  if (path.length % 32 !== 0) return false
  const steps = Array.from({ length: path.length / 32 }, (_, at) => path.subarray(32 * at, 32 * at + 32))
  const root = inclusionRoot(merkleLeafHash(digest), index, size, steps)
  return root !== undefined && verify(hubKey, leaseBatchBytes(root, size), signature)
}
