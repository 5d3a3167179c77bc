import { Portions } from '../portions.ts'
import type { AgentTotals } from './agent-totals.ts'
import type { PendingCommit } from './commit-queue.ts'
import type { CoreLoop } from './core-loop.ts'
import type { JobTable } from './job-table.ts'
import type { HubOptions } from './options.ts'
import { failureOf } from './referee-desk.ts'
import type { SessionTable } from './session-table.ts'
import type { Tally } from './tally.ts'

export interface AcceptanceDeskPorts extends Pick<HubOptions, 'results' | 'log'> {
  readonly loop: CoreLoop
  readonly running: JobTable
  readonly sessions: Pick<SessionTable, 'credit'>
  readonly totals: Pick<AgentTotals, 'add'>
  readonly tally: Pick<Tally, 'accepted'>
  /** The figures of a job have changed. */
  changed(jobId: string): void
}

/** What follows when acceptances have become durable, or never will. */
export class AcceptanceDesk {
  readonly #ports: AcceptanceDeskPorts

  constructor(ports: AcceptanceDeskPorts) {
    this.#ports = ports
  }

  /** What has become durable is folded, job by job, before the core and its agents hear of it. */
  async committed(commits: readonly PendingCommit[]): Promise<void> {
    const { loop, running, sessions, totals, tally, changed, log } = this.#ports
    const portions = new Portions()
    for (const job_id of new Set(commits.map((commit) => commit.job_id))) {
      const own = commits.filter((commit) => commit.job_id === job_id)
      try {
        const runtime = running.get(job_id)
        for (const { runs, findings, retracted } of own) {
          if (portions.isOver) await portions.rest()
          if (retracted === undefined) await runtime?.fold(runs, findings)
          else for (const run of runs) await runtime?.replace(run)
        }
      } catch (error) {
        log('error', 'an accepted shard cannot be folded', {
          job: job_id,
          error: String(error),
        })
        loop.apply({ t: 'job.broken', job_id, failure: failureOf(error) })
      }
      changed(job_id)
    }
    for (const { job_id, chunk, epoch, shard_count, credits, retracted } of commits) {
      if (retracted !== undefined) continue
      if (portions.isOver) await portions.rest()
      tally.accepted(loop.now_ms(), shard_count)
      sessions.credit(credits)
      totals.add(job_id, credits)
      loop.apply({ t: 'committed', job_id, chunk, epoch, shard_count, credits })
    }
    for (const job_id of new Set(commits.map((commit) => commit.job_id))) this.#look(job_id)
  }

  /** Another hub has these chunks now, and does again what was accepted here and is not durable. */
  lost(commits: readonly PendingCommit[]): void {
    const { loop, running, changed, log } = this.#ports
    const claims = new Map(
      commits.map((commit) => [`${commit.job_id} ${commit.chunk} ${commit.epoch}`, commit]),
    )
    for (const { job_id, runs } of commits) {
      running.get(job_id)?.disown(runs)
      changed(job_id)
    }
    for (const { job_id, chunk, epoch } of claims.values()) {
      log('info', 'another hub has taken over a chunk', { job: job_id, chunk })
      loop.apply({ t: 'chunk.lost', job_id, chunk, epoch })
    }
  }

  /** Of a job that may stop early a hub looks at all that is durable before it goes on with the work of another one. */
  async inherit(jobId: string): Promise<void> {
    const { results, running, changed } = this.#ports
    const runtime = running.get(jobId)
    if (runtime?.job.target === undefined) return
    await runtime.collect((wants) => results.load(jobId, wants))
    changed(jobId)
    this.#look(jobId)
  }

  /** Tells the core what the durable prefix of a job with a target says. */
  #look(jobId: string): void {
    const { loop, running } = this.#ports
    const runtime = running.get(jobId)
    if (runtime?.job.target === undefined) return
    const { looks_passed, stopped_at } = runtime.looked()
    if (looks_passed !== loop.state.jobs.get(jobId)?.looks_passed)
      loop.apply({ t: 'job.looked', job_id: jobId, passed: looks_passed })
    if (stopped_at !== undefined) loop.apply({ t: 'job.stopped', job_id: jobId, at_shard: stopped_at })
  }
}
