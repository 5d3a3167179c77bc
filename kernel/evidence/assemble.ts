import type { AcceptedRun } from '../acceptance.ts'
import { toBase64 } from '../base64.ts'
import { REFEREE } from '../bill.ts'
import { canonicalJson } from '../canonical.ts'
import { bytesToHex, type HexDigest, sha256Hex } from '../digest.ts'
import { invariant } from '../errors.ts'
import { KERNEL_SEMANTICS, type PreparedJob } from '../job.ts'
import { merkleRootOfDigests, merkleRootOfLeaves } from '../merkle.ts'
import { TABLES } from '../numerics/tables/index.ts'
import type { Receipt, UnleasedReceipt } from '../receipt.ts'
import type { CheckFindings } from '../verification/job-bound.ts'
import { DIGEST_ROW, type EvidenceBundle } from './bundle.ts'
import { keyIdOf } from './envelope.ts'
import { leasingHub, receiptLeaf } from './receipts.ts'
import type { JobRecord } from './record.ts'
import { boundOf } from './recorded-bound.ts'
import { countTrace, REFEREE_COPY, type Trace, type TraceRun, traceText } from './trace.ts'

/** From what is stored of a settled job to its record and its evidence: a pure function, so that it can be made again. */

/** Accepted shards without their leaves. */
export type RecordedRun = Omit<AcceptedRun, 'leaves'>

export interface StoredReceipt {
  readonly receipt: Receipt | UnleasedReceipt
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly signature: Uint8Array
}

/** What a lease gave for shards that were not accepted with it. */
export interface WithheldDigests {
  readonly epoch: number
  readonly lease_id: string
  readonly first: number
  /** 32 bytes a shard. */
  readonly digests: Uint8Array
}

export interface SettledJob {
  readonly id: string
  readonly job: PreparedJob
  /** Shards of which the result was made. */
  readonly accepted: number
  /** In any order; together each shard from 0 to accepted - 1 once. */
  readonly runs: readonly RecordedRun[]
  /** All that are stored; those that no accepted copy rests on are left out. */
  readonly receipts: readonly StoredReceipt[]
  readonly withheld: readonly WithheldDigests[]
  /** Ids of this hub's keys, past ones included: the one that will sign the record first. */
  readonly hubs: readonly HexDigest[]
  /** Accepted once, then found wrong and replaced. */
  readonly replaced: readonly RecordedRun[]
  readonly result_digest: HexDigest
  readonly artifacts: JobRecord['result']['artifacts']
  readonly credits: number | null
  /** Answered ones; default none. */
  readonly canaries?: NonNullable<JobRecord['verification']['canaries']> | undefined
  /** What checks have found, for the record's bound; without it the record states none. */
  readonly findings?: CheckFindings | undefined
  /** RFC 3339, UTC, to the second. */
  readonly settled_at: string
  /** 16 random bytes. */
  readonly salt: Uint8Array
}

/** What the record commits to, and the evidence shows. */
export interface Assembled {
  readonly record: JobRecord
  readonly trace: string
  readonly receipts: EvidenceBundle['receipts']
  /** 32 bytes a shard, in order. */
  readonly digests: Uint8Array
}

export function assemble(settled: SettledJob): Assembled {
  const { job, accepted } = settled
  const digests = assembleDigests(settled.runs, accepted)
  const trace = traceOf(settled.runs)
  const text = traceText(trace)
  const { receipts, lease_hubs } = supporting(settled, trace, digests)
  const counted = countTrace(trace)
  const { findings } = settled
  const counts = { verify: job.contract.verify, accepted, counted, range: job.leafRange() }
  const bound = findings === undefined ? undefined : boundOf(findings, counts)
  const record: JobRecord = {
    record: 1,
    job_id: settled.id,
    salt: bytesToHex(settled.salt),
    op: job.op,
    contract_hash: job.contractHash,
    replay_key: job.replayKey,
    plan_digest: job.planDigest,
    kernel_semantics: KERNEL_SEMANTICS,
    kernel: job.kernelDigest,
    tables: Object.fromEntries(job.tables.map((name) => [name, TABLES[name].sha256])),
    shards: {
      planned: job.plan.shard_count,
      accepted,
      root: bytesToHex(merkleRootOfDigests(digests)),
    },
    result: { digest: settled.result_digest, artifacts: [...settled.artifacts] },
    verification: {
      asked: job.contract.verify,
      ...counted,
      ...(settled.canaries === undefined ? {} : { canaries: settled.canaries }),
      ...(bound === undefined ? {} : { bound }),
    },
    receipts: {
      count: receipts.length,
      root: bytesToHex(merkleRootOfLeaves(receipts.map(receiptLeaf))),
      ...(lease_hubs.length === 0 ? {} : { lease_hubs: [...lease_hubs] }),
    },
    trace: sha256Hex(text),
    work_units: job.plan.work_units,
    credits: settled.credits,
    settled_at: settled.settled_at,
  }
  return { record, trace: text, receipts, digests }
}

/** `digests` as the file holds them. */
export function digestRows(digests: Uint8Array): string[] {
  const rows: string[] = []
  for (let at = 0; at < digests.length; at += 32 * DIGEST_ROW)
    rows.push(toBase64(digests.subarray(at, at + 32 * DIGEST_ROW)))
  return rows
}

/** 32 bytes a shard, in order. @throws ForgeError INTERNAL when runs are missing */
export function assembleDigests(runs: readonly RecordedRun[], accepted: number): Uint8Array {
  const digests = new Uint8Array(32 * accepted)
  let shards = 0
  for (const run of runs) {
    invariant(run.digests.length === 32 * run.count, 'a run has a digest for each shard')
    digests.set(run.digests, 32 * run.first)
    shards += run.count
  }
  invariant(shards === accepted, `${shards} accepted shards are stored, the result was made of ${accepted}`)
  return digests
}

/** Runs in the order of shards; neighbours with the same history are one. */
function traceOf(runs: readonly RecordedRun[]): Trace {
  const agents: HexDigest[] = []
  const places = new Map<HexDigest, number>()
  const owners = new Map<string, number>()
  const place = (agent: HexDigest): number => {
    const known = places.get(agent)
    if (known !== undefined) return known
    agents.push(agent)
    places.set(agent, agents.length - 1)
    return agents.length - 1
  }
  const ownerNumber = (owner: string): number => {
    const known = owners.get(owner) ?? owners.size
    owners.set(owner, known)
    return known
  }
  const ordered: TraceRun[] = []
  for (const run of [...runs].sort((a, b) => a.first - b.first)) {
    const copies = run.copies.map(({ agent, owner, executor }): TraceRun['copies'][number] =>
      agent === REFEREE
        ? [REFEREE_COPY, REFEREE_COPY, executor]
        : [place(agent), ownerNumber(owner), executor],
    )
    const last = ordered.at(-1)
    if (last !== undefined && last.method === run.method && sameCopies(last.copies, copies))
      ordered[ordered.length - 1] = { ...last, count: last.count + run.count }
    else ordered.push({ first: run.first, count: run.count, method: run.method, copies })
  }
  return { trace: 1, agents, runs: ordered }
}

function sameCopies(a: TraceRun['copies'], b: TraceRun['copies']): boolean {
  return a.length === b.length && a.every((copy, at) => copy.every((value, part) => value === b[at]?.[part]))
}

/**
 * Receipts of agents with accepted copies that lie in the accepted shards, by shard, epoch and lease. One whose signed root
 * cannot be computed from what is known proves nothing, and is left out.
 */
function supporting(
  settled: SettledJob,
  trace: Trace,
  digests: Uint8Array,
): { readonly receipts: EvidenceBundle['receipts']; readonly lease_hubs: readonly HexDigest[] } {
  const agents = new Set(trace.agents)
  const hubs = new Set<HexDigest>()
  const withheld = new Map<string, WithheldDigests[]>()
  for (const part of settled.withheld) {
    const lease = `${part.epoch} ${part.lease_id}`
    withheld.set(lease, [...(withheld.get(lease) ?? []), part])
  }
  const receipts = settled.receipts
    .filter(
      ({ receipt, publicKey }) =>
        receipt.first + receipt.count <= settled.accepted && agents.has(keyIdOf(publicKey)),
    )
    .sort(
      ({ receipt: a }, { receipt: b }) =>
        a.first - b.first || a.epoch - b.epoch || (a.lease_id < b.lease_id ? -1 : 1),
    )
    .flatMap(({ receipt, publicKey, signature }) => {
      const agent = keyIdOf(publicKey)
      const replaced = settled.replaced.filter(({ copies }) => copies.some((copy) => copy.agent === agent))
      const own = withheld.get(`${receipt.epoch} ${receipt.lease_id}`) ?? []
      const differs = differences(receipt, digests, [...replaced, ...own])
      if (differs === undefined) return []
      if (receipt.receipt === 2) {
        const hub = leasingHub(receipt, settled.id, agent, settled.hubs)
        if (hub === undefined) return []
        hubs.add(hub)
      }
      return [
        {
          receipt: canonicalJson({ ...receipt }),
          key: toBase64(publicKey),
          signature: toBase64(signature),
          ...(differs.length === 0 ? {} : { differs }),
        },
      ]
    })
  return { receipts, lease_hubs: settled.hubs.filter((hub, at) => at > 0 && hubs.has(hub)) }
}

/**
 * Where a lease gave other digests than the accepted ones.
 * @param parts digests that it may have given instead; later ones count
 * @returns undefined when what is known does not give the root that was signed
 */
function differences(
  { first, count, result_root }: Pick<Receipt, 'first' | 'count' | 'result_root'>,
  accepted: Uint8Array,
  parts: readonly { readonly first: number; readonly digests: Uint8Array }[],
): [number, HexDigest][] | undefined {
  const own = accepted.slice(32 * first, 32 * (first + count))
  if (bytesToHex(merkleRootOfDigests(own)) === result_root) return []
  const changed = new Map<number, HexDigest>()
  for (const part of parts) {
    for (let at = 0; 32 * at < part.digests.length; at++) {
      const shard = part.first + at
      if (shard < first || shard >= first + count) continue
      const digest = part.digests.subarray(32 * at, 32 * at + 32)
      own.set(digest, 32 * (shard - first))
      changed.set(shard, bytesToHex(digest))
    }
  }
  if (bytesToHex(merkleRootOfDigests(own)) !== result_root) return undefined
  return [...changed]
    .filter(([shard, digest]) => digest !== bytesToHex(accepted.subarray(32 * shard, 32 * shard + 32)))
    .sort(([a], [b]) => a - b)
}
