import type { LedgerView, PublicRecords } from '../../kernel/api/ledger.ts'
import { toBase64 } from '../../kernel/base64.ts'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { assembleDigests, digestRows } from '../../kernel/evidence/assemble.ts'
import { BUNDLE_BYTES, bundleReceipts, type EvidenceBundle } from '../../kernel/evidence/bundle.ts'
import { type Envelope, envelopeSchema, keyIdOf } from '../../kernel/evidence/envelope.ts'
import { ledgerLeafSchema } from '../../kernel/evidence/leaf.ts'
import type { OpRegistry } from '../../kernel/job.ts'
import { parseCheckpoint } from '../../kernel/ledger/checkpoint.ts'
import { formatLogProof } from '../../kernel/ledger/proof-text.ts'
import { formatVkey, type NoteKey, parseSignedNote, verifyNote } from '../../kernel/ledger/signed-note.ts'
import { LIMITS } from '../../kernel/limits.ts'
import type { SignedSuccession } from '../../kernel/succession.ts'
import type { Actor } from '../core/actor.ts'
import { authorise, MISSING } from '../core/authorise.ts'
import { jobResource } from '../core/job-view.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { JobRow, JobStore } from '../memory/ports/jobs.ts'
import type { LogHead, RecordStore, TileStore } from '../memory/ports/records.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { digestRowsOf, loadRuns, recordedShards } from './accepted-runs.ts'
import { EVIDENCE_LIMITS } from './limits.ts'
import type { Publisher } from './publisher.ts'
import { verifySignature } from './signing-keys.ts'

/** How the ledger stands, for people and for verifiers. */
export interface LedgerIdentity {
  readonly origin: string
  readonly vkey: string
  readonly hub_keys: readonly { readonly key: string; readonly from: string; readonly until: string | null }[]
  /** Handovers from one key of the hub to the next, in base 64: whoever knows an older key can follow. */
  readonly hub_successions: readonly Readonly<Record<keyof SignedSuccession, string>>[]
  readonly witnesses: readonly string[]
}

export interface EvidenceService {
  /**
   * The evidence of a settled job, in parts of a JSON text.
   * @param since size of an older checkpoint: the file then proves that the ledger grew from it
   * @throws ForgeError NOT_FOUND; TOO_LARGE for more digests than a verifier reads; CONFLICT before the record is in the published ledger, or for a `since` beyond it
   */
  bundle(
    actor: Actor,
    id: string,
    options: { readonly digests: boolean; readonly since: number | undefined },
  ): Promise<AsyncIterable<string>>
  identity(): Promise<LedgerIdentity>
  head(): Promise<LogHead | undefined>
  /** The ledger as a page shows it. */
  ledger(): Promise<LedgerView>
  /** Where the records of public jobs are, from an index on: who audits the ledger finds their evidence by it. */
  publicRecords(actor: Actor, from: number): Promise<PublicRecords>
  /** A file of the ledger by its name. */
  tile(name: string): Promise<Uint8Array | undefined>
}

export interface EvidencePorts {
  readonly ops: OpRegistry
  readonly jobs: Pick<JobStore, 'get'>
  readonly results: Pick<ResultStore, 'load' | 'loadSpan'>
  readonly records: RecordStore
  readonly blobs: BlobStore
  readonly tiles: TileStore
  readonly publisher: Publisher
  readonly witnessKeys: readonly NoteKey[]
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** What the evidence of a job with a record is made of; whoever asks has been judged before. */
export type BundleOf = (
  job: JobRow,
  options: { readonly digests: boolean; readonly since: number | undefined },
) => Promise<EvidenceBundle>

export function createBundleOf(ports: Omit<EvidencePorts, 'jobs' | 'tiles'>): BundleOf {
  const { ops, results, records, blobs, publisher } = ports
  const proofOf = async (
    job: JobRow,
    since: number | undefined,
  ): Promise<
    EvidenceBundle['log'] & {
      envelope: string
      trace: string
      receipts: string
      shown: NonNullable<EvidenceBundle['corrections']>
    }
  > => {
    const [entry, ...corrections] = await records.ofJob(job.id)
    const head = await records.head()
    if (entry === undefined || head === undefined || head.size <= entry.index) {
      throw new ForgeError('CONFLICT', 'the record of this job is not in the published ledger yet', {
        hint:
          job.state === 'settled'
            ? 'Ask again in a few seconds.'
            : `The job is ${job.state}: only a settled job has a record.`,
      })
    }
    if (since !== undefined && since > head.size)
      throw new ForgeError('CONFLICT', `the ledger has ${head.size} entries, not ${since}`, {
        path: 'since',
        hint: 'If you hold a checkpoint with more entries, signed by this ledger, keep it: it proves a rollback.',
      })
    const { size } = parseCheckpoint(parseSignedNote(head.note).text)
    // A file that leaves out what is known to be wrong would be verified.
    if (corrections.some(({ index }) => index >= size))
      throw new ForgeError('CONFLICT', 'a correction of this record is not in the published ledger yet', {
        hint: 'Ask again in a few seconds.',
      })
    return {
      shown: await Promise.all(
        corrections.map(async ({ index, envelope: text }) => {
          const sealed = envelopeSchema.parse(parseJsonStrict(text, LIMITS.blob_bytes))
          return {
            envelope: sealed,
            key: toBase64(await signerOf(records, sealed)),
            index,
            hashes: (await publisher.inclusion(index, size)).map(toBase64),
          }
        }),
      ),
      proof: formatLogProof({
        index: entry.index,
        hashes: await publisher.inclusion(entry.index, size),
        checkpoint: head.note,
      }),
      ...(since === undefined
        ? {}
        : { consistency: { old: since, hashes: (await publisher.consistency(since, size)).map(toBase64) } }),
      envelope: entry.envelope,
      trace: entry.trace,
      receipts: entry.receipts,
    }
  }

  return async (job, { digests, since }) => {
    const { envelope: sealed, trace, receipts, shown, ...log } = await proofOf(job, since)
    const envelope = envelopeSchema.parse(parseJsonStrict(sealed, LIMITS.blob_bytes))
    const { result } = job
    invariant(result !== null, 'a job with a record has a result')
    const accepted = recordedShards(job)
    const prepared = ops.prepare(parseJsonStrict(job.canonical))
    return {
      forge: 1,
      contract: job.canonical,
      replay_key_material: prepared.replayKeyMaterial,
      envelope,
      result,
      trace: await blobText(blobs, trace),
      receipts: bundleReceipts(await blobText(blobs, receipts)),
      ...(digests
        ? {
            digests: digestRows(assembleDigests((await loadRuns(results, job.id, accepted)).runs, accepted)),
          }
        : {}),
      log,
      ...(shown.length === 0 ? {} : { corrections: shown }),
      keys: {
        hub: toBase64(await signerOf(records, envelope)),
        log: formatVkey(publisher.key),
        witnesses: ports.witnessKeys.map(formatVkey),
      },
    }
  }
}

export function createEvidenceService(ports: EvidencePorts): EvidenceService {
  const { jobs, records, results, tiles, publisher } = ports

  const bundleOf = createBundleOf(ports)
  /** The job whose record it is: of one that was answered from a record, the earlier job. */
  const recorded = async (job: JobRow): Promise<JobRow> => {
    if (job.replay_of === null) return job
    const earlier = await jobs.get(job.replay_of)
    if (earlier === undefined)
      throw new ForgeError('NOT_FOUND', `job ${job.replay_of}, whose record answered this one, is gone`, {
        hint: 'Submit the contract again, with replay=never.',
      })
    return earlier
  }
  return {
    async bundle(actor, id, options) {
      authorise(actor, 'jobs.read')
      const job = UUID.test(id) ? await jobs.get(id) : undefined
      authorise(actor, 'jobs.read', job === undefined ? MISSING : jobResource(job))
      invariant(job !== undefined, 'a missing job is refused')
      const source = await recorded(job)
      const rest = await bundleOf(source, { ...options, digests: false })
      const accepted = recordedShards(source)
      if (options.digests) assertFits(rest, accepted)
      return jsonParts(rest, options.digests ? digestRowsOf(results, source.id, accepted) : undefined)
    },

    async identity() {
      const keys = await records.hubKeys()
      return {
        origin: publisher.key.name,
        vkey: formatVkey(publisher.key),
        hub_keys: keys.map(({ public_key, created_at, retired_at }) => ({
          key: toBase64(public_key),
          from: created_at.toISOString(),
          until: retired_at?.toISOString() ?? null,
        })),
        hub_successions: (await records.successions()).map(({ from, to, from_signature, to_signature }) => ({
          from: toBase64(from),
          to: toBase64(to),
          from_signature: toBase64(from_signature),
          to_signature: toBase64(to_signature),
        })),
        witnesses: ports.witnessKeys.map(formatVkey),
      }
    },

    head: () => records.head(),

    async ledger() {
      const head = await records.head()
      const size = head?.size ?? 0
      const first = Math.max(0, size - EVIDENCE_LIMITS.shown_entries)
      const leaves = size === 0 ? [] : await records.leaves(first, size)
      const note = head === undefined ? undefined : parseSignedNote(head.note)
      return {
        origin: publisher.key.name,
        vkey: formatVkey(publisher.key),
        size,
        checkpoint: head?.note ?? null,
        witnesses: await Promise.all(
          ports.witnessKeys.map(async (key) => {
            const verdict = note === undefined ? undefined : await verifyNote(note, key, verifySignature)
            const time = verdict?.state === 'valid' ? verdict.time : undefined
            return {
              name: key.name,
              vkey: formatVkey(key),
              cosigned_at: time === undefined ? null : new Date(1000 * Number(time)).toISOString(),
            }
          }),
        ),
        entries: leaves
          .map(({ leaf, hash }, at) => ({
            index: first + at,
            hash: bytesToHex(hash),
            corrects: correctedBy(leaf),
          }))
          .reverse(),
      }
    },
    async publicRecords(actor, from) {
      authorise(actor, 'jobs.list_public')
      const limit = EVIDENCE_LIMITS.records_page
      const found = await records.publicRecords(from, limit)
      return {
        records: found.map(({ index, job_id, settled_at }) => ({
          index,
          job_id,
          settled_at: settled_at.toISOString(),
        })),
        next: found.length < limit ? null : (found.at(-1)?.index ?? 0) + 1,
      }
    },

    tile: (name) => tiles.get(name),
  }
}

/** The entry that this one corrects; null for a record. */
function correctedBy(leaf: Uint8Array): number | null {
  const parsed = ledgerLeafSchema.parse(parseJsonStrict(new TextDecoder().decode(leaf)))
  return parsed.kind === 'correction' ? parsed.of : null
}

/** @throws ForgeError TOO_LARGE for a file with digests that no verifier would read */
function assertFits({ receipts, trace, result }: EvidenceBundle, accepted: number): void {
  const rest = receipts.reduce((sum, receipt) => sum + JSON.stringify(receipt).length + 1, 0)
  const bytes = 4 * Math.ceil((32 * accepted) / 3) + rest + 2 * (trace.length + result.length)
  if (bytes <= BUNDLE_BYTES - LIMITS.contract_bytes) return
  throw new ForgeError(
    'TOO_LARGE',
    `the evidence of ${accepted} shards with their digests has about ${bytes} bytes; at most ${BUNDLE_BYTES} are verified`,
    { hint: 'Ask for it without digests: ?digests=no.' },
  )
}

/** The file a member at a time, the digests a row at a time, so that no second copy of a large one is held. */
async function* jsonParts(
  bundle: EvidenceBundle,
  digests: AsyncIterable<string> | undefined,
): AsyncGenerator<string> {
  let before = '{'
  for (const [name, value] of Object.entries(bundle)) {
    if (value === undefined) continue
    yield `${before}${JSON.stringify(name)}:`
    before = ','
    if (!Array.isArray(value)) {
      yield JSON.stringify(value)
      continue
    }
    for (const [at, item] of value.entries()) yield `${at === 0 ? '[' : ','}${JSON.stringify(item)}`
    yield value.length === 0 ? '[]' : ']'
  }
  if (digests !== undefined) {
    let opening = ',"digests":['
    for await (const row of digests) {
      yield `${opening}"${row}"`
      opening = ','
    }
    yield ']'
  }
  yield '}\n'
}

async function blobText(blobs: BlobStore, digest: string): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const part of blobs.read(digest)) parts.push(part)
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(parts))
}

/** The key that signed it: an older record keeps the hub's key of its time. */
async function signerOf(records: RecordStore, envelope: Envelope): Promise<Uint8Array> {
  const named = new Set(envelope.signatures.map(({ keyid }) => keyid))
  const key = (await records.hubKeys()).find(({ public_key }) => named.has(keyIdOf(public_key)))
  invariant(key !== undefined, 'the key of every record is known')
  return key.public_key
}
