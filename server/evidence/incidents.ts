import { assembleDigests } from '../../kernel/evidence/assemble.ts'
import type { JobRecord } from '../../kernel/evidence/record.ts'
import type { CorrectionStore, RecordIncident } from '../memory/correction-store.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import { loadRuns } from './accepted-runs.ts'
import { EVIDENCE_LIMITS } from './limits.ts'
import { type RecheckPorts, recheck, recordedJob, recordOf } from './recheck.ts'

export interface IncidentPorts extends Omit<RecheckPorts, 'corrections' | 'results'> {
  readonly jobs: Pick<JobStore, 'get'>
  readonly results: Pick<ResultStore, 'find' | 'load'>
  readonly corrections: CorrectionStore
  readonly log: (level: 'info' | 'warn' | 'error', message: string, fields: Record<string, unknown>) => void
}

/**
 * Records with one replay key state the same bytes. Where two do not, both stop answering contracts, and the referee
 * executes the shards in which they differ. Which one was wrong gets a correction; the other one answers again.
 */
export class IncidentDesk {
  readonly #ports: IncidentPorts
  #running: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(ports: IncidentPorts) {
    this.#ports = ports
  }

  /**
   * Holds a record that is about to be appended against those that are there. What differs is stored before it is appended:
   * a crash in between repeats both.
   * @param batch records that will be appended together with it, before it
   */
  async compare(record: JobRecord, batch: readonly JobRecord[]): Promise<void> {
    const { corrections, log } = this.#ports
    const earlier = (
      await corrections.recordsOf(record.replay_key, record.job_id, EVIDENCE_LIMITS.compared_records)
    ).map(recordOf)
    for (const other of [...earlier, ...batch]) {
      const isEqual =
        other.replay_key !== record.replay_key ||
        (other.shards.root === record.shards.root && other.result.digest === record.result.digest)
      if (isEqual) continue
      log('warn', 'two records of one replay key differ', { job: record.job_id, earlier: other.job_id })
      await corrections.openIncident(other.job_id, record.job_id)
    }
  }

  /** Lets the referee decide what is open. */
  poke(): void {
    if (this.#closed) return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#again) {
        this.#again = false
        this.poke()
      }
    })
  }

  /** Waits until what is under way is done. */
  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running
  }

  /** What is under way stays open, and is decided after the next start. */
  close(): void {
    this.#closed = true
  }

  async #run(): Promise<void> {
    const { corrections, log } = this.#ports
    try {
      for (const incident of await corrections.openIncidents(EVIDENCE_LIMITS.batch)) {
        if (this.#closed) return
        await this.#decide(incident)
      }
    } catch (error) {
      if (!this.#closed) log('error', 'a disagreement of records is not decided', { error: String(error) })
    }
  }

  async #decide(incident: RecordIncident): Promise<void> {
    const { corrections, log } = this.#ports
    const [own, other] = [await this.#digests(incident.job_id), await this.#digests(incident.other_job_id)]
    const differing: number[] = []
    for (let shard = 0; 32 * shard < Math.min(own.length, other.length); shard++) {
      const at = 32 * shard
      if (!Buffer.from(own.subarray(at, at + 32)).equals(other.subarray(at, at + 32))) differing.push(shard)
      if (differing.length === EVIDENCE_LIMITS.decided_shards) break
    }
    for (const id of [incident.job_id, incident.other_job_id]) {
      const { wrong, entries } = await recheck(this.#ports, id, differing)
      log('warn', 'the referee has decided between two records', { job: id, wrong: wrong.length, entries })
    }
    await corrections.closeIncident(incident)
  }

  async #digests(id: string): Promise<Uint8Array> {
    const { jobId, accepted } = await recordedJob(this.#ports, id)
    return assembleDigests((await loadRuns(this.#ports.results, jobId, accepted)).runs, accepted)
  }
}
