import { generateKey, type Identity, identityOf } from '../../agent-runtime/identity.ts'
import { leafDigest } from '../../agent-runtime/leaf-digest.ts'
import { webVerifySignature } from '../../agent-runtime/verify-signature.ts'
import { WasmExecutor } from '../../agent-runtime/wasm/executor.ts'
import { bytesToHex, sha256Each } from '../../kernel/digest.ts'
import { ForgeError } from '../../kernel/errors.ts'
import type { Op } from '../../kernel/job.ts'
import { isLeaseSigned, leaseBatchBytes, leaseDigest, leaseOf } from '../../kernel/lease.ts'
import { strictly } from '../../kernel/ledger/strict-ed25519.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { merkleLeafHash, merkleRootOfDigests } from '../../kernel/merkle.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { type Receipt, receiptBytes } from '../../kernel/receipt.ts'
import { HUB } from '../../server/hub/core/limits.ts'
import { type OpJob, opJob } from '../ops/workloads.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import { cpuMs } from './usage.ts'

/**
 * What an agent spends on evidence: the digest of each leaf, and the check of a lease as long as the hub makes it, its root
 * and its signature, against the execution of the same shards on one thread. CPU times, signing threads included.
 */

const verifySignature = strictly(webVerifySignature())
const never = new AbortController().signal
/** A measurement repeats its work for so much CPU time. */
const SAMPLE_MS = 100
/** Small leaves that are hashed at once: fewer than most leases have. */
const TOGETHER = 16

interface Share {
  readonly op: string
  readonly isInline: boolean
  readonly percent: number
  readonly shard_ms: number
  readonly digest_ms: number
  readonly lease_shards: number
}

/** @returns CPU of one run of `work`, ms */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  await work()
  const begun = cpuMs()
  let times = 0
  let used = 0
  while (used < SAMPLE_MS) {
    await work()
    times++
    used = cpuMs() - begun
  }
  return used / times
}

async function shareOf(op: Op, identity: Identity): Promise<Share> {
  const opened: OpJob = opJob(op)
  const { job, inputs, shards } = opened
  const [first = 0] = shards
  const runner = await new WasmExecutor().prepare(job, inputs)
  let leaf = new Uint8Array(0)
  const lease_ms = await cpuOf(async () => {
    for await (const given of runner.run(first, shards.length, never)) leaf = new Uint8Array(given.leaf)
  })
  runner.close()
  const shard_ms = lease_ms / shards.length
  const isInline = job.plan.leaf.kind === 'inline'
  // As agent-runtime/lease-run.ts does: small leaves together.
  const together = Array.from({ length: TOGETHER }, () => leaf)
  const digest_ms = isInline
    ? (await cpuOf(async () => sha256Each(together))) / TOGETHER
    : await cpuOf(() => leafDigest(leaf))
  const most = isInline ? LIMITS.lease_shards : HUB.lease_blobs
  const lease_shards = Math.max(1, Math.min(most, Math.floor(HUB.lease_target_ms / shard_ms)))
  const digests = new Uint8Array(32 * lease_shards)
  const range = {
    lease_id: '1-1',
    epoch: 1,
    contract_hash: job.contractHash,
    plan_digest: job.planDigest,
    first,
    count: lease_shards,
  }
  const hub = await identityOf(await generateKey())
  const job_id = '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e'
  const lease = leaseOf(range, { job_id, agent: identity.keyId, hub: hub.keyId })
  const signature = await hub.sign(leaseBatchBytes(merkleLeafHash(leaseDigest(lease)), 1))
  const proof = { index: 0, size: 1, path: new Uint8Array(0), signature }
  const receipt_ms = await cpuOf(async () => {
    const digest = leaseDigest(lease)
    if (!(await isLeaseSigned(digest, proof, hub.publicKey, verifySignature)))
      throw new ForgeError('INTERNAL', 'the lease is signed')
    const receipt: Receipt = {
      receipt: 2,
      ...range,
      lease: bytesToHex(digest),
      result_root: bytesToHex(merkleRootOfDigests(digests)),
      executor: 'wasm',
      software: 'forge-agent/bench',
    }
    await identity.sign(receiptBytes(receipt))
  })
  const percent = (100 * (digest_ms + receipt_ms / lease_shards)) / shard_ms
  return { op: op.id, isInline, percent, shard_ms, digest_ms, lease_shards }
}

const note = ({ op, percent, shard_ms, digest_ms, lease_shards }: Share): string =>
  `${op}: ${percent.toPrecision(2)} %, of ${shard_ms.toPrecision(3)} ms a shard ${(1000 * digest_ms).toPrecision(3)} µs for the digest; leases of ${lease_shards} shards`

export async function agentOverhead({ say }: SuiteOptions): Promise<readonly Row[]> {
  const identity = await identityOf(await generateKey())
  const shares: Share[] = []
  for (const op of OPS.list()) {
    const share = await shareOf(op, identity)
    shares.push(share)
    say(`  ${note(share)}`)
  }
  const row = (id: string, what: string, own: readonly Share[], bar: object): Row => {
    const sorted = own.toSorted((a, b) => b.percent - a.percent)
    const worst = sorted[0]?.percent ?? null
    return {
      ...{ id, what, unit: '%', value: worst, ours: null, peer: null, peer_value: null, rate: '%' },
      ...bar,
      spread: [sorted.at(-1)?.percent ?? 0, worst ?? 0],
      notes: sorted.slice(0, 2).map(note),
    }
  }
  return [
    row(
      'agent_overhead',
      'hashing and signing, of the time of a shard: the worst op whose leaves travel in messages',
      shares.filter(({ isInline }) => isInline),
      { at_most: 2 },
    ),
    row(
      'agent_overhead/blobs',
      'the same for ops whose leaves are blobs: parts of matrices and pictures',
      shares.filter(({ isInline }) => !isInline),
      {},
    ),
  ]
}
