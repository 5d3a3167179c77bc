import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import type { AcceptedRun } from '../../../kernel/acceptance.ts'
import { workDone } from '../../../kernel/bill.ts'
import { canonicalJson } from '../../../kernel/canonical.ts'
import { bytesToHex, type HexDigest, sha256Hex, sha256Many } from '../../../kernel/digest.ts'
import { keyIdOf } from '../../../kernel/evidence/envelope.ts'
import type { PreparedJob } from '../../../kernel/job.ts'
import { leaseDigest, leaseOf } from '../../../kernel/lease.ts'
import { merkleRootOfDigests } from '../../../kernel/merkle.ts'
import { SHARD_POINTS } from '../../../kernel/ops/mc-pi/args.ts'
import { OPS } from '../../../kernel/ops/registry.ts'
import { type Receipt, receiptBytes } from '../../../kernel/receipt.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { createAgentStore } from '../../memory/agent-store.ts'
import { createCreditStore } from '../../memory/credit-store.ts'
import type { Database } from '../../memory/database.ts'
import { NO_PARTNER_SITES } from '../../memory/job-billing.ts'
import { createJobStore } from '../../memory/job-store.ts'
import type { JobStore } from '../../memory/ports/jobs.ts'
import type { ResultStore, SignedReceipt } from '../../memory/ports/results.ts'
import { createResultStore } from '../../memory/result-store.ts'
import { claimSample, SAMPLE_CLAIM } from '../../memory/testing/samples.ts'

/**
 * Settled jobs of two agents under a quorum, as the hub leaves them in the database. Keys, receipts and bills are real; the
 * leaves are made up: nothing here executes a shard.
 */

const LEAF_BYTES = 16
/** Leases that are made durable together. */
const COMMIT_LEASES = 64
const RESULT = canonicalJson({ inside: 3, points: 4 })

export interface SettledJobs {
  readonly jobs: JobStore
  readonly results: ResultStore
  /** Of all jobs. */
  readonly owner: string
  /** @param lease_shards of each lease; the last one may have fewer */
  settle(size: {
    readonly shards: number
    readonly lease_shards: number
  }): Promise<{ readonly id: string; readonly receipts: number }>
}

interface Signer {
  readonly id: string
  readonly owner: string
  sign(message: Uint8Array): Uint8Array
}

/**
 * Opens an epoch of its own.
 * @param hubKey of the hub whose leases these are
 */
export async function openSettledJobs(database: Database, hubKey: Uint8Array): Promise<SettledJobs> {
  const hub = keyIdOf(hubKey)
  const terms = { split: { contributor_permille: 800, site_permille: 100 }, sites: NO_PARTNER_SITES }
  const jobs = createJobStore(database, terms)
  const results = createResultStore(database.pool)
  const owner = await ownerOf(database, 'submitter')
  const agents = [await signer(database, 'first'), await signer(database, 'second')]
  const epoch = await results.openEpoch()
  let last = 0
  return {
    jobs,
    results,
    owner,
    async settle({ shards, lease_shards }) {
      const id = randomUUID()
      const job = OPS.prepare({
        contract: 1,
        op: { name: 'mc', version: 1, profile: 'pi.v1' },
        args: { points: shards * SHARD_POINTS },
        seed: { mode: 'explicit', value: `job ${id}` },
        verify: { mode: 'quorum', k: 2 },
      })
      await createCreditStore(database.pool).grant(owner, 2 * shards, id)
      await jobs.insert({
        id,
        owner_id: owner,
        idempotency_key: undefined,
        contract: job.contract,
        canonical: job.canonical,
        op: job.op,
        contract_hash: job.contractHash,
        replay_key: job.replayKey,
        plan_digest: job.planDigest,
        shard_count: shards,
        work_units: job.plan.work_units,
        shard_price: 1,
        hold: 2 * shards,
      })
      await jobs.transition(id, ['submitted'], 'running')
      await claimSample(database, id)
      let receipts = 0
      for (let first = 0; first < shards; first += COMMIT_LEASES * lease_shards) {
        const leases: Lease[] = []
        for (let at = first; at < Math.min(shards, first + COMMIT_LEASES * lease_shards); at += lease_shards)
          leases.push(
            lease(job, { id, hub, epoch, number: ++last }, at, Math.min(lease_shards, shards - at), agents),
          )
        const runs = leases.map(({ run }) => run)
        const signed = leases.flatMap((made) => made.receipts)
        receipts += signed.length
        const work = workDone(runs, owner, 2)
        const group = { job_id: id, runs, work, findings: NO_FINDINGS, fence: SAMPLE_CLAIM }
        await results.commit(epoch, [group], signed)
      }
      await jobs.settle(id, {
        result: RESULT,
        result_digest: sha256Hex(RESULT),
        headline: 'made up',
        artifacts: [],
        progress: {
          accepted: shards,
          in_flight: 0,
          copies: 2 * shards,
          by_executor: { webgpu: 0, wasm: 2 * shards, cpu: 0 },
          by_method: { single: 0, quorum: shards, referee: 0, algebraic: 0 },
          owners: 2,
          checks: { ...NO_FINDINGS, waiting: 0 },
        },
        covered_shards: null,
      })
      return { id, receipts }
    },
  }
}

async function ownerOf({ prisma }: Database, label: string): Promise<string> {
  const { id } = await prisma.owners.create({ data: { kind: 'account', label } })
  return id
}

async function signer(database: Database, label: string): Promise<Signer> {
  const { privateKey, publicKey: pair } = generateKeyPairSync('ed25519')
  const { x } = pair.export({ format: 'jwk' })
  const public_key = new Uint8Array(Buffer.from(x as string, 'base64url'))
  const owner = await ownerOf(database, label)
  const id = keyIdOf(public_key)
  const agent = { id, public_key, owner_id: owner, executor: 'wasm' as const, label }
  await createAgentStore(database).enrolled({ ...agent, software: 'forge-agent/test', site_id: null }, [])
  return { id, owner, sign: (message) => new Uint8Array(sign(null, message, privateKey)) }
}

/** Whose lease it is, and the number of the pair of leases in its epoch. */
interface Numbered {
  readonly id: string
  readonly hub: HexDigest
  readonly epoch: number
  readonly number: number
}

interface Lease {
  readonly run: AcceptedRun
  readonly receipts: readonly SignedReceipt[]
}

/** Shards that both agents were leased, with the same digests, and their receipts. */
function lease(
  job: PreparedJob,
  { id: job_id, hub, epoch, number }: Numbered,
  first: number,
  count: number,
  agents: readonly Signer[],
): Lease {
  const packed = new Uint8Array(LEAF_BYTES * count)
  const view = new DataView(packed.buffer)
  for (let at = 0; at < count; at++) view.setUint32(LEAF_BYTES * at, first + at)
  const digests = sha256Many(packed, LEAF_BYTES)
  const run: AcceptedRun = {
    first,
    count,
    method: 'quorum',
    digests,
    leaves: Array.from({ length: count }, (_, at) => packed.subarray(LEAF_BYTES * at, LEAF_BYTES * (at + 1))),
    copies: agents.map(({ id, owner }) => ({ agent: id, owner, executor: 'wasm' })),
  }
  const receipts = agents.map((agent, at): SignedReceipt => {
    const range = {
      lease_id: `${epoch}.${2 * number + at}`,
      epoch,
      contract_hash: job.contractHash,
      plan_digest: job.planDigest,
      first,
      count,
    }
    const receipt: Receipt = {
      ...range,
      receipt: 2,
      result_root: bytesToHex(merkleRootOfDigests(digests)),
      executor: 'wasm',
      software: 'forge-agent/test',
      lease: bytesToHex(leaseDigest(leaseOf(range, { job_id, agent: agent.id, hub }))),
    }
    return { job_id, agent: agent.id, receipt, signature: agent.sign(receiptBytes(receipt)) }
  })
  return { run, receipts }
}
