import { randomBytes } from 'node:crypto'
import { canonicalJson, type Json, parseJsonStrict } from '../../kernel/canonical.ts'
import { dtypeSchema } from '../../kernel/contract.ts'
import { utf8ToBytes } from '../../kernel/digest.ts'
import { invariant } from '../../kernel/errors.ts'
import { type Assembled, assemble } from '../../kernel/evidence/assemble.ts'
import { envelopeDigest, sealStatement } from '../../kernel/evidence/envelope.ts'
import { recordLeaf } from '../../kernel/evidence/leaf.ts'
import { recordStatement } from '../../kernel/evidence/record.ts'
import type { OpRegistry } from '../../kernel/job.ts'
import type { BlobStore, JobRow, JobStore, NewLogEntry, RecordStore, ResultStore } from '../memory/ports.ts'
import { loadRuns, recordedShards } from './accepted-runs.ts'
import { EVIDENCE_LIMITS } from './limits.ts'
import type { Publisher } from './publisher.ts'
import type { SigningKey } from './signing-keys.ts'

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
  readonly hubKey: SigningKey
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

export class Recorder {
  readonly #ports: RecorderPorts
  #running: Promise<void> | undefined
  #again = false
  #closed = false
  #failures = 0
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
        const ids = this.#closed ? [] : await records.unrecorded(EVIDENCE_LIMITS.batch)
        const entries: NewLogEntry[] = []
        const began: Date[] = []
        for (const id of ids) {
          began.push(new Date())
          entries.push(await this.#entryOf(id))
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
        if (ids.length < EVIDENCE_LIMITS.batch) break
      }
      this.#failures = 0
    } catch (error) {
      this.#failures++
      log('error', 'records could not be made', { error: String(error), failures: this.#failures })
    }
  }

  async #entryOf(jobId: string): Promise<NewLogEntry> {
    const { blobs, hubKey } = this.#ports
    const row = await this.#ports.jobs.get(jobId)
    invariant(row !== undefined, `settled job ${jobId} is stored`)
    const { record, trace, receipts } = await this.#assemble(row)
    const envelope = await sealStatement(recordStatement(record), hubKey)
    const receiptsText = canonicalJson(receipts as unknown as Json)
    const [tracePut, receiptsPut] = [
      await blobs.put(once(utf8ToBytes(trace))),
      await blobs.put(once(utf8ToBytes(receiptsText))),
    ]
    return {
      kind: 'record',
      job_id: jobId,
      leaf: recordLeaf(envelopeDigest(envelope)),
      envelope: canonicalJson(envelope as unknown as Json),
      trace: tracePut.digest,
      receipts: receiptsPut.digest,
    }
  }

  async #assemble(row: JobRow): Promise<Assembled> {
    const { ops, results, records } = this.#ports
    const { result_digest, finished_at } = row
    invariant(result_digest !== null && finished_at !== null, `job ${row.id} has settled`)
    const accepted = recordedShards(row)
    const { runs, replaced } = await loadRuns(results, row.id, accepted)
    return assemble({
      id: row.id,
      job: ops.prepare(parseJsonStrict(row.canonical)),
      accepted,
      runs,
      replaced,
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
