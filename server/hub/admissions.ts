import { parseJsonStrict } from '../../kernel/canonical.ts'
import { ForgeError, type ForgeErrorJson } from '../../kernel/errors.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { JobRow } from '../memory/ports.ts'
import type { ChunkDesk } from './chunk-desk.ts'
import { joinRanges, type ShardRange } from './chunk-queue.ts'
import { chunkShards } from './chunk-size.ts'
import type { CoreLoop } from './core-loop.ts'
import { admittedJob, JobRuntime, type SingleRun, singlesOf, sortSingles } from './job-runtime.ts'
import type { JobTable } from './job-table.ts'
import type { JobWriter } from './job-writer.ts'
import type { HubOptions } from './options.ts'
import { failureOf } from './referee-desk.ts'

export interface AdmissionPorts
  extends Pick<HubOptions, 'ops' | 'blobs' | 'results' | 'trust' | 'chunkShards' | 'log'> {
  readonly loop: CoreLoop
  readonly running: JobTable
  readonly chunks: Pick<ChunkDesk, 'publish'>
  readonly writer: Pick<JobWriter, 'storePhase'>
  /** The core has the job. */
  admitted(jobId: string): void
  /** The job can never be admitted. */
  refused(jobId: string, failure: ForgeErrorJson): void
}

/** Takes stored jobs into the hub. Shards that are durable are folded and not executed again. */
export class Admissions {
  readonly #ports: AdmissionPorts
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
  }

  /** A job that cannot be prepared any more fails with its reason. */
  async take(row: JobRow): Promise<void> {
    if (this.#ports.running.has(row.id)) return
    const admission = this.#attempt(row)
    this.#underWay.set(row.id, admission)
    try {
      await admission
    } finally {
      this.#underWay.delete(row.id)
    }
  }

  /** Waits until an attempt that is under way is over. */
  async over(jobId: string): Promise<void> {
    await this.#underWay.get(jobId)?.catch(() => {})
  }

  async #attempt(row: JobRow): Promise<void> {
    const { running, log, refused } = this.#ports
    try {
      await this.#admit(row)
    } catch (error) {
      running.remove(row.id)
      // A store that does not answer says nothing about the job: it is admitted when the hub starts again.
      if (!(error instanceof ForgeError)) throw error
      log('error', 'a job cannot be admitted', { job: row.id, error: String(error) })
      refused(row.id, failureOf(error))
    }
  }

  async #admit(row: JobRow): Promise<void> {
    const { ops = OPS, blobs, results, trust, loop, running, chunks, writer, log } = this.#ports
    const job = ops.prepare(parseJsonStrict(row.canonical))
    const runtime = new JobRuntime(row, job, blobs, loop.epoch)
    running.add(runtime)
    const accepted: ShardRange[] = []
    const singles: SingleRun[] = []
    await runtime.collect(
      (wants) => results.load(row.id, wants),
      ({ runs }) => {
        for (const run of runs) {
          accepted.push([run.first, run.count])
          singles.push(...singlesOf(run))
        }
      },
    )
    if (row.state === 'submitted') writer.storePhase(row.id, 'planned')
    const { shard_count } = job.plan
    const published = {
      job_id: row.id,
      shard_count,
      chunk_shards: this.#ports.chunkShards ?? chunkShards(job),
    }
    const { drained } = await chunks.publish({ ...published, accepted: joinRanges(accepted) })
    const words = await sortSingles(trust, row, singles)
    loop.apply({ t: 'job.admitted', job: admittedJob(row, job, words, runtime.looked(), loop.now_ms()) })
    if (drained) loop.apply({ t: 'job.drained', job_id: row.id })
    this.#ports.admitted(row.id)
    if (accepted.length > 0)
      log('info', 'a job goes on after a restart', {
        job: row.id,
        accepted: runtime.folded,
        shards: shard_count,
      })
  }
}
