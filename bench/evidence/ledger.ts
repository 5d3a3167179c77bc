import { randomUUID } from 'node:crypto'
import { canonicalJson, type Json } from '../../kernel/canonical.ts'
import { bytesToHex, sha256Hex } from '../../kernel/digest.ts'
import { envelopeDigest, sealStatement } from '../../kernel/evidence/envelope.ts'
import { recordLeaf } from '../../kernel/evidence/leaf.ts'
import { type JobRecord, recordStatement } from '../../kernel/evidence/record.ts'
import { merkleLeafHash } from '../../kernel/merkle.ts'
import { verifyInclusion } from '../../kernel/merkle-proof.ts'
import { EVIDENCE_LIMITS } from '../../server/evidence/limits.ts'
import type { NewLogEntry } from '../../server/memory/ports/records.ts'
import { median } from '../pairs.ts'
import type { Row, SuiteOptions } from '../suite.ts'
import type { Ground } from './ground.ts'
import { cpuMs } from './usage.ts'

/** Appends to the public ledger, and proofs from it. */

const ENTRIES = 32 * EVIDENCE_LIMITS.batch
const PROOFS = 200

/** Records are made and signed before: what a record costs depends on its job. */
async function entries(ground: Ground, count: number): Promise<readonly NewLogEntry[]> {
  const made: NewLogEntry[] = []
  for (let at = 0; at < count; at++) {
    const envelope = await sealStatement(recordStatement(sampleRecord(at)), ground.hubKey)
    made.push({
      kind: 'record',
      job_id: randomUUID(),
      leaf: recordLeaf(envelopeDigest(envelope)),
      envelope: canonicalJson(envelope as unknown as Json),
      trace: sha256Hex(`trace ${at}`),
      receipts: sha256Hex(`receipts ${at}`),
    })
  }
  return made
}

function sampleRecord(at: number): JobRecord {
  const digest = (what: string) => sha256Hex(`${what} ${at}`)
  return {
    record: 1,
    job_id: '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e',
    salt: digest('salt').slice(0, 32),
    op: 'mc@1/gbm.v1',
    contract_hash: digest('contract'),
    replay_key: digest('replay key'),
    plan_digest: digest('plan'),
    kernel_semantics: 1,
    kernel: digest('kernel'),
    tables: { exp2: digest('exp2'), 'normal-quantile': digest('normal') },
    shards: { planned: 64, accepted: 64, root: digest('shards') },
    result: { digest: digest('result'), artifacts: [] },
    verification: {
      asked: { mode: 'quorum', k: 2 },
      methods: { single: 0, quorum: 64, referee: 0, algebraic: 0 },
      copies: 128,
      keys: 2,
      owners: 2,
    },
    receipts: { count: 4, root: digest('receipts') },
    trace: digest('trace'),
    work_units: 64_000_000,
    credits: 128,
    settled_at: '2026-11-26T12:00:00Z',
  }
}

/** Batches as the recorder appends them, each published before the next: tiles, proof of growth, checkpoint. */
export async function appends(ground: Ground, { say }: SuiteOptions): Promise<Row> {
  const { records, publisher } = ground
  const made = await entries(ground, ENTRIES)
  const batch = EVIDENCE_LIMITS.batch
  const startedAt = performance.now()
  const cpu = cpuMs()
  for (let first = 0; first < made.length; first += batch) {
    await records.append(made.slice(first, first + batch))
    await publisher.publish()
  }
  const ms = performance.now() - startedAt
  const own_ms = cpuMs() - cpu
  const head = await records.head()
  const published = head?.size ?? 0
  say(`  ${published} entries in ${(ms / 1000).toFixed(2)} s`)
  return {
    id: 'appends_per_s',
    what: `records appended to the ledger, durable and published, ${batch} at a time`,
    unit: '/s',
    value: made.length / (ms / 1000),
    ours: null,
    peer: null,
    peer_value: null,
    rate: '/s',
    at_least: 5000,
    ...(published < made.length ? { invalid: `${published} of ${made.length} entries were published` } : {}),
    notes: [
      `${((1000 * own_ms) / made.length).toFixed(0)} µs of this process's CPU an entry, PostgreSQL beside it`,
    ],
  }
}

/** Each proof from the ledger's files anew, checked. */
export async function proofs(ground: Ground, { say }: SuiteOptions): Promise<Row> {
  const { records, publisher } = ground
  const size = (await records.head())?.size ?? 0
  const times: number[] = []
  let wrong = 0
  const root = size === 0 ? new Uint8Array(32) : await publisher.root(size)
  for (let at = 0; at < PROOFS && size > 0; at++) {
    const index = (at * 7919) % size
    const startedAt = performance.now()
    const hashes = await publisher.inclusion(index, size)
    times.push(performance.now() - startedAt)
    const [entry] = await records.leaves(index, index + 1)
    if (entry === undefined || !verifyInclusion(merkleLeafHash(entry.leaf), index, size, hashes, root))
      wrong++
  }
  const sorted = times.toSorted((a, b) => a - b)
  const p99 = sorted[Math.floor(0.99 * sorted.length)] ?? 0
  say(`  ${times.length} proofs in a ledger of ${size} with root ${bytesToHex(root).slice(0, 16)}…`)
  return {
    id: 'proof_ms',
    what: `inclusion proof from tiles in a ledger of ${size} entries`,
    unit: 'ms',
    value: times.length === 0 ? null : median(times),
    ours: null,
    peer: null,
    peer_value: null,
    rate: 'ms',
    at_most: 5,
    spread: [sorted[0] ?? 0, sorted.at(-1) ?? 0],
    notes: [`99 of 100 within ${p99.toFixed(2)} ms`],
    ...(size === 0 || wrong > 0 ? { invalid: `${wrong} of ${times.length} proofs do not hold` } : {}),
  }
}
