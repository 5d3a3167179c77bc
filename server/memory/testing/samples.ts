import { randomUUID } from 'node:crypto'
import type { AcceptedRun, AcceptedShard } from '../../../kernel/acceptance.ts'
import { workDone } from '../../../kernel/bill.ts'
import { canonicalContract, contractHash, formatOp, parseContract } from '../../../kernel/contract.ts'
import { sha256, sha256Hex } from '../../../kernel/digest.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { createCreditStore } from '../credit-store.ts'
import type { Database } from '../database.ts'
import { type BillingTerms, NO_PARTNER_SITES } from '../job-billing.ts'
import { ownerRow } from '../owner-store.ts'
import type { NewJob, Settlement } from '../ports/jobs.ts'
import type { OwnerRow } from '../ports/owners.ts'
import type { AcceptedGroup, ChunkClaim, SignedReceipt } from '../ports/results.ts'

/** Four fifths to the contributor, a tenth to a partner site, the rest to the network. */
export const SAMPLE_TERMS: BillingTerms = {
  split: { contributor_permille: 800, site_permille: 100 },
  sites: NO_PARTNER_SITES,
}

/** An account that nobody signs in to, with credits to pay for tests; the same one for the same label. */
export async function sampleAccount(
  { pool, prisma }: Pick<Database, 'pool' | 'prisma'>,
  label: string,
  credits = 1_000_000_000,
): Promise<OwnerRow> {
  const id = sha256Hex(label).replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*$/, '$1-$2-4$3-8$4-$5')
  const owner = await prisma.owners.upsert({
    where: { id },
    create: { id, kind: 'account', label },
    update: {},
  })
  if (credits > 0) await createCreditStore(pool).grant(id, credits, 'sample')
  return ownerRow(owner)
}

/** A result as the hub would store it. */
export function sampleResult(): Settlement {
  return {
    result: '{"pi":"3.14"}',
    result_digest: sha256Hex('{"pi":"3.14"}'),
    headline: '3.14 ± 0.01',
    artifacts: [{ name: 'product', digest: sha256Hex('tile'), dtype: 'int32', shape: [2, 3], bytes: 24 }],
    progress: {
      accepted: 10,
      in_flight: 0,
      copies: 20,
      by_executor: { webgpu: 10, wasm: 0, cpu: 10 },
      by_method: { single: 0, quorum: 10, referee: 0, algebraic: 0 },
      owners: 2,
      checks: { ...NO_FINDINGS, waiting: 0 },
    },
    covered_shards: null,
  }
}

/** A job as a service would store it. */
export function sampleJob(ownerId: string, more: Partial<NewJob> = {}): NewJob {
  const contract = parseContract({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: 1_000_000 },
    seed: { mode: 'explicit', value: 'sample' },
    verify: { mode: 'quorum', k: 2 },
  })
  return {
    id: randomUUID(),
    owner_id: ownerId,
    idempotency_key: undefined,
    contract,
    canonical: canonicalContract(contract),
    op: formatOp(contract.op),
    contract_hash: contractHash(contract),
    replay_key: sha256Hex('replay key'),
    plan_digest: sha256Hex('plan'),
    shard_count: 1000,
    work_units: 200_000_000,
    shard_price: 200,
    hold: 400_000,
    ...more,
  }
}

/** A run of shards of one lease, verified by two owners. The leaf of shard i says i. */
export function sampleShards(first: number, count: number): readonly AcceptedShard[] {
  const copies = [
    { agent: sha256Hex('agent 1'), owner: 'owner 1', executor: 'webgpu' as const },
    { agent: sha256Hex('agent 2'), owner: 'owner 2', executor: 'cpu' as const },
  ]
  return Array.from({ length: count }, (_, at) => {
    const leaf = new TextEncoder().encode(`leaf of shard ${first + at}`)
    return { shard: first + at, method: 'quorum', digest: sha256(leaf), leaf, copies }
  })
}

/** Each shard as a run of its own. */
export function runsOf(shards: readonly AcceptedShard[]): readonly AcceptedRun[] {
  return shards.map(({ shard, method, digest, leaf, copies }) => ({
    first: shard,
    count: 1,
    method,
    digests: digest,
    leaves: [leaf],
    copies,
  }))
}

/** What groups of tests that are not about claims are fenced by. */
export const SAMPLE_CLAIM: ChunkClaim = { chunk: 0, epoch: 1 }

/** Makes SAMPLE_CLAIM the claim of a job, unless it has ended. */
export async function claimSample({ pool }: Pick<Database, 'pool'>, job_id: string): Promise<void> {
  await pool.query(
    `INSERT INTO job_chunks (job_id, chunk, epoch) SELECT id, $2, $3 FROM jobs WHERE id = $1 AND finished_at IS NULL
     ON CONFLICT (job_id, chunk) DO NOTHING`,
    [job_id, SAMPLE_CLAIM.chunk, SAMPLE_CLAIM.epoch],
  )
}

/** Shards of a job on their way into the store, with what their copies are worth to whom. */
export function sampleGroup(
  job_id: string,
  shards: readonly AcceptedShard[],
  fence: AcceptedGroup['fence'] = SAMPLE_CLAIM,
): AcceptedGroup {
  const runs = runsOf(shards)
  return { job_id, runs, work: workDone(runs, 'submitter', 2), findings: NO_FINDINGS, fence }
}

export function sampleReceipt(jobId: string, epoch: number, leaseId: string): SignedReceipt {
  return {
    job_id: jobId,
    agent: sha256Hex('agent 1'),
    receipt: {
      receipt: 2,
      lease_id: leaseId,
      epoch,
      contract_hash: sha256Hex('contract'),
      plan_digest: sha256Hex('plan'),
      first: 0,
      count: 10,
      result_root: sha256Hex('root'),
      executor: 'webgpu',
      software: 'forge-pool/0',
      lease: sha256Hex('lease'),
    },
    signature: new Uint8Array(64).fill(7),
  }
}
