import { randomBytes } from 'node:crypto'
import { canonicalJson, type Json, parseJsonStrict } from '../../kernel/canonical.ts'
import { dtypeSchema } from '../../kernel/contract.ts'
import { type HexDigest, utf8ToBytes } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import { type Assembled, assemble } from '../../kernel/evidence/assemble.ts'
import { envelopeDigest, keyIdOf, sealStatement } from '../../kernel/evidence/envelope.ts'
import { recordLeaf } from '../../kernel/evidence/leaf.ts'
import { type JobRecord, recordStatement } from '../../kernel/evidence/record.ts'
import type { OpRegistry } from '../../kernel/job.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { JobRow, JobStore } from '../memory/ports/jobs.ts'
import type { NewLogEntry, RecordStore } from '../memory/ports/records.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { loadRuns, recordedShards } from './accepted-runs.ts'
import type { HubKey } from './hub-key.ts'
import { EVIDENCE_LIMITS } from './limits.ts'
import type { Publisher } from './publisher.ts'

/**
 * Makes the record of every settled job and appends it to the ledger. It works from the database alone and may be cut off
 * anywhere: a job without a record is found again. Nothing of it is in the way of settling jobs.
 */

export interface RecorderPorts {
  readonly ops: OpRegistry
  readonly jobs: Pick<JobStore, 'get'>
  readonly results: Pick<ResultStore, 'load'>
  readonly records: RecordStore
  readonly blobs: BlobStore
  readonly hubKey: HubKey
  /** Holds a record against those of its replay key, before it is appended. */
  readonly compare: (record: JobRecord, batch: readonly JobRecord[]) => Promise<void>
  readonly publisher: Publisher
  /** The ledger has a new head. */
  published(): Promise<void>
  /** These records are in the ledger and covered by a checkpoint. */
  readonly recorded?: (records: readonly Recorded[]) => void
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void
}

export interface Recorded {
  readonly job_id: string
  /** Its place in the ledger. */
  readonly entry: number
  readonly began: Date
  readonly appended: Date
  readonly published: Date
}

const KEPT = { maxBytes: EVIDENCE_LIMITS.kept_bytes }

/** A record, and its entry of the ledger. */
interface Recordable {
  readonly entry: NewLogEntry
  readonly record: JobRecord
}

export class Recorder {
  readonly #ports: RecorderPorts
  #running: Promise<void> | undefined
  #again = false
  #closed = false
  #failures = 0
  /** Jobs for which no record can be made, until the next start. */
  readonly #impossible = new Set<string>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(ports: RecorderPorts) {
    this.#ports = ports
  }

  /** Looks for settled jobs now, and from then on by itself. */
  poke(): void {
    if (this.#closed) return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    clearTimeout(this.#timer)
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#closed) return
      if (this.#again) {
        this.#again = false
        this.poke()
      } else this.#schedule()
    })
  }

  /** Waits until what is under way is done. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(): void {
    const { poll_ms, retry_first_ms, retry_max_ms } = EVIDENCE_LIMITS
    const wait = this.#failures === 0 ? poll_ms : Math.min(retry_max_ms, retry_first_ms * 2 ** this.#failures)
    this.#timer = setTimeout(() => this.poke(), wait)
    this.#timer.unref()
  }

  async #run(): Promise<void> {
    const { records, publisher, log } = this.#ports
    try {
      for (;;) {
        const limit = EVIDENCE_LIMITS.batch + this.#impossible.size
        const found = this.#closed ? [] : await records.unrecorded(limit)
        const ids: string[] = []
        const entries: NewLogEntry[] = []
        const made: JobRecord[] = []
        const began: Date[] = []
        for (const id of found) {
          const start = new Date()
          const recordable = this.#impossible.has(id) ? undefined : await this.#entryOrNone(id)
          if (recordable === undefined) continue
          await this.#ports.compare(recordable.record, made)
          began.push(start)
          ids.push(id)
          entries.push(recordable.entry)
          made.push(recordable.record)
        }
        const indices = entries.length > 0 ? await records.append(entries) : []
        const appended = new Date()
        await publisher.publish()
        // Another server may have recorded some of them: what is counted here is what this one appended.
        if (indices.length === ids.length)
          this.#ports.recorded?.(
            ids.map((job_id, at) => ({
              job_id,
              entry: indices[at] ?? 0,
              began: began[at] ?? appended,
              appended,
              published: new Date(),
            })),
          )
        await this.#ports.published()
        if (found.length < limit) break
      }
      this.#failures = 0
    } catch (error) {
      this.#failures++
      log('error', 'records could not be made', { error: String(error), failures: this.#failures })
    }
  }

  /** A job whose record cannot be made, whatever is tried, is said and left: it is in nobody's way. */
  async #entryOrNone(jobId: string): Promise<Recordable | undefined> {
    try {
      return await this.#entryOf(jobId)
    } catch (error) {
      if (!(error instanceof ForgeError) || error.retryable) throw error
      this.#impossible.add(jobId)
      this.#ports.log('error', 'a job has no record', { job: jobId, error: String(error) })
      return undefined
    }
  }

  async #entryOf(jobId: string): Promise<Recordable> {
    const { blobs, hubKey } = this.#ports
    const row = await this.#ports.jobs.get(jobId)
    invariant(row !== undefined, `settled job ${jobId} is stored`)
    const key = await hubKey.current()
    const { record, trace, receipts } = await this.#assemble(row, key.publicKey)
    const envelope = await sealStatement(recordStatement(record), key)
    const receiptsText = canonicalJson(receipts as unknown as Json)
    const [tracePut, receiptsPut] = [
      await blobs.put(once(utf8ToBytes(trace)), KEPT),
      await blobs.put(once(utf8ToBytes(receiptsText)), KEPT),
    ]
    const entry: NewLogEntry = {
      kind: 'record',
      job_id: jobId,
      leaf: recordLeaf(envelopeDigest(envelope)),
      envelope: canonicalJson(envelope as unknown as Json),
      trace: tracePut.digest,
      receipts: receiptsPut.digest,
    }
    return { entry, record }
  }

  /** The key that signs, then the earlier ones. */
  async #hubs(signer: Uint8Array): Promise<readonly HexDigest[]> {
    const own = keyIdOf(signer)
    const known = (await this.#ports.records.hubKeys()).map(({ public_key }) => keyIdOf(public_key))
    return [own, ...known.filter((id) => id !== own)]
  }

  async #assemble(row: JobRow, signer: Uint8Array): Promise<Assembled> {
    const { ops, results, records } = this.#ports
    const { result_digest, finished_at } = row
    invariant(result_digest !== null && finished_at !== null, `job ${row.id} has settled`)
    const accepted = recordedShards(row)
    const { runs, replaced, findings, canaries } = await loadRuns(results, row.id, accepted)
    return assemble({
      id: row.id,
      hubs: await this.#hubs(signer),
      job: ops.prepare(parseJsonStrict(row.canonical)),
      accepted,
      runs,
      replaced,
      canaries,
      findings,
      receipts: await records.receipts(row.id),
      withheld: await records.withheld(row.id),
      result_digest,
      artifacts: row.artifacts.map(({ name, digest, dtype, shape, bytes }) => ({
        name,
        digest,
        dtype: dtypeSchema.parse(dtype),
        shape: [...shape],
        bytes,
      })),
      credits: row.bill === null || row.shard_price === null ? null : billed(row.bill) * row.shard_price,
      settled_at: finished_at.toISOString().replace(/[.]\d+Z$/, 'Z'),
      salt: new Uint8Array(randomBytes(16)),
    })
  }
}

const billed = (bill: NonNullable<JobRow['bill']>): number =>
  bill.computation + bill.verification + bill.referee

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
