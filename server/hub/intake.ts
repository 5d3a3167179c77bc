import { bytesToHex, type HexDigest } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { leaseDigest, leaseOf } from '../../kernel/lease.ts'
import { isStrictKey } from '../../kernel/ledger/strict-ed25519.ts'
import type { ReceivedResult } from '../../kernel/protocol-result.ts'
import { type Receipt, receiptBytes } from '../../kernel/receipt.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { ResultChecker } from './checking/checker.ts'
import type { BytesFault } from './checking/result-bytes.ts'
import type { HubLease } from './core/state.ts'
import { shapeFault } from './result-shape.ts'

/**
 * The checks of a result that need no other result: shape, digests, root, receipt, and what every correct leaf of the
 * op satisfies. What passes may still be wrong; only agreement, the referee or an algebraic check says more.
 */

export interface ResultContext {
  readonly job: PreparedJob
  readonly lease: Pick<HubLease, 'id' | 'first' | 'count'> & { readonly job: Pick<HubLease['job'], 'id'> }
  readonly epoch: number
  /** Ids of the keys of agent and hub. */
  readonly agent: HexDigest
  readonly hub: HexDigest
  readonly publicKey: Uint8Array
  readonly software: string
  readonly blobs: BlobStore
  readonly checker: ResultChecker
}

/** @throws ForgeError MESSAGE_INVALID for an agent's raw Ed25519 public key for which a signature says nothing */
export function requireStrictKey(raw: Uint8Array): void {
  if (isStrictKey(raw)) return
  throw new ForgeError('MESSAGE_INVALID', 'the public key is one that no honest signer has', {
    path: 'public_key',
    hint: 'It has small order, or is not written in its canonical form. Make a new key.',
  })
}

/**
 * @returns the receipt that the agent signed
 * @throws ForgeError MESSAGE_INVALID | DIGEST_MISMATCH with what is wrong: the agent is at fault
 */
export async function checkResult(input: ReceivedResult, context: ResultContext): Promise<Receipt> {
  const { job, lease } = context
  const refuse = (message: string): never => {
    throw new ForgeError('MESSAGE_INVALID', message)
  }
  const fault = shapeFault(input, { first: lease.first, count: lease.count, leaf: job.plan.leaf })
  if (fault !== undefined) refuse(fault)
  const range = {
    lease_id: lease.id,
    epoch: context.epoch,
    contract_hash: job.contractHash,
    plan_digest: job.planDigest,
    first: lease.first,
    count: lease.count,
  }
  // Made from what this hub leased: a receipt for anything else is another text, which the signature does not fit.
  const receipt: Receipt = {
    receipt: 2,
    ...range,
    result_root: bytesToHex(input.result_root),
    executor: input.executor,
    software: context.software,
    lease: bytesToHex(
      leaseDigest(leaseOf(range, { job_id: lease.job.id, agent: context.agent, hub: context.hub })),
    ),
  }
  const { digests, leaves, result_root, signature } = input
  const bytesFault = await context.checker.check({
    digests,
    leaves,
    result_root,
    receipt: receiptBytes(receipt),
    signature,
    public_key: context.publicKey,
  })
  if (bytesFault !== undefined) throw refusal(bytesFault, lease.first)
  if (job.plan.leaf.kind === 'blob') await checkBlobLeaves(input, context)
  else
    for (let at = 0; at < lease.count; at++)
      checkInvariants(job, lease.first + at, leaves.at(at) as Uint8Array)
  return receipt
}

function refusal(fault: BytesFault, first: number): ForgeError {
  switch (fault.t) {
    case 'root':
      return new ForgeError('MESSAGE_INVALID', 'the root is not that of the digests')
    case 'leaf':
      return new ForgeError(
        'DIGEST_MISMATCH',
        `the bytes of shard ${first + fault.place} do not have its digest`,
      )
    case 'signature':
      return new ForgeError('MESSAGE_INVALID', 'the signature does not fit the receipt of this lease')
  }
}

async function checkBlobLeaves(input: ReceivedResult, { job, lease, blobs }: ResultContext): Promise<void> {
  for (let offset = 0; offset < lease.count; offset++) {
    const digest = bytesToHex(input.digests.subarray(32 * offset, 32 * offset + 32))
    const stat = await blobs.stat(digest)
    if (stat === undefined)
      throw new ForgeError('MESSAGE_INVALID', `the blob of shard ${lease.first + offset} was not uploaded`)
    if (stat.bytes > job.plan.leaf.max_bytes)
      throw new ForgeError('MESSAGE_INVALID', `the blob of shard ${lease.first + offset} is too large`)
    checkInvariants(job, lease.first + offset, await readBlob(blobs, digest))
  }
}

function checkInvariants(job: PreparedJob, shard: number, leaf: Uint8Array): void {
  const fault = job.checkLeaf(shard, leaf)
  if (fault !== undefined) throw new ForgeError('MESSAGE_INVALID', `shard ${shard}: ${fault}`)
}

/** The whole blob in memory. @throws ForgeError NOT_FOUND */
export async function readBlob(blobs: BlobStore, digest: string): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for await (const part of blobs.read(digest)) parts.push(part)
  return new Uint8Array(Buffer.concat(parts))
}
