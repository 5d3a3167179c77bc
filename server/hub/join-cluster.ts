import { PRIORITY_WEIGHTS } from '../../kernel/api.ts'
import type { JobRow, JobStore } from '../memory/ports.ts'
import { ClusterDesk } from './cluster-desk.ts'
import type { HubEvent } from './core/events.ts'
import { connectedFor } from './core/fleet.ts'
import type { HubState } from './core/state.ts'
import type { Finisher } from './finisher.ts'
import { FINISHING_TOLD, type HubNews, SESSION_ENDS } from './hub-news.ts'
import type { JobRuntime } from './job-runtime.ts'
import { UNFINISHED } from './job-writer.ts'
import type { HubListener, HubLog, HubOptions } from './options.ts'
import type { SessionConnection, SessionTable } from './session-table.ts'
import type { Tally } from './tally.ts'

/** What of a hub the others concern. */
export interface ClusterHost {
  readonly epoch: number
  readonly jobs: Pick<JobStore, 'get'>
  readonly log: HubLog
  readonly listener: Pick<HubListener, 'jobShown' | 'personLeft'>
  readonly state: HubState
  readonly runtimes: ReadonlyMap<string, JobRuntime>
  readonly sessions: Pick<SessionTable, 'counts'>
  readonly tally: Tally
  readonly finisher: Pick<Finisher, 'jobs'>
  now_ms(): number
  isClosed(): boolean
  tell(event: HubEvent): void
  /** Admits a job that another hub has. */
  take(row: JobRow): Promise<void>
  /** Waits until an admission under way is over. */
  admitted(jobId: string): Promise<void>
  /** Another hub has ended the job. */
  letGo(jobId: string): void
  endSessions(
    which: (session: SessionConnection & { readonly agent: string }) => boolean,
    reason: string,
  ): number
  /** The job is to be shown anew. */
  retold(jobId: string): void
}

/** Connects a hub with the others of its store: what they say becomes events of its core and sessions that end. */
export function joinCluster(cluster: NonNullable<HubOptions['cluster']>, host: ClusterHost): ClusterDesk {
  const { epoch, jobs, log, state, runtimes } = host

  const retell = (jobId: string): void => {
    host.retold(jobId)
    const connected = runtimes.get(jobId)?.parts.connectedElsewhere
    const core = state.jobs.get(jobId)
    if (core !== undefined && connected !== undefined && connected !== core.connected_elsewhere)
      host.tell({ t: 'job.elsewhere', job_id: jobId, connected })
  }

  return new ClusterDesk({
    ...cluster,
    epoch,
    log,
    jobs: () => [...runtimes.keys()],
    has: (jobId) => runtimes.has(jobId),
    async admit(jobId) {
      const row = host.isClosed() ? undefined : await jobs.get(jobId)
      if (row !== undefined && UNFINISHED.includes(row.state) && !host.isClosed()) await host.take(row)
    },
    async letGo(jobId) {
      await host.admitted(jobId)
      const row = state.jobs.has(jobId) ? await jobs.get(jobId) : undefined
      // Whoever ends it here meanwhile needs nobody to tell him.
      if (row !== undefined && !UNFINISHED.includes(row.state) && state.jobs.has(jobId)) host.letGo(jobId)
    },
    chunksAvailable: (jobId) => host.tell({ t: 'chunks.available', job_id: jobId }),
    news: (news) => follow(host, news),
    status: () => ({
      ...host.sessions.counts(),
      ...host.tally.since(),
      shards_per_s: host.tally.view(host.now_ms()).shards_per_s,
      finishing: host.finisher.jobs.slice(0, FINISHING_TOLD),
    }),
    part(jobId) {
      const core = state.jobs.get(jobId)
      return core && runtimes.get(jobId)?.part(core, connectedFor(state, core))
    },
    heard(jobId, from, part, isThere) {
      runtimes.get(jobId)?.parts.hear(from, part, isThere)
      retell(jobId)
    },
    present(epochs) {
      for (const [jobId, { parts }] of runtimes) if (parts.present(epochs)) retell(jobId)
    },
  })
}

/** Something that every hub has to know; this one may have done it itself. */
function follow({ endSessions, tell, listener }: ClusterHost, news: HubNews): void {
  switch (news.t) {
    case 'agent.revoked':
      endSessions(({ agent }) => agent === news.agent, SESSION_ENDS[news.t])
      return
    case 'token.revoked':
      endSessions(({ tokenId }) => tokenId === news.token, SESSION_ENDS[news.t])
      return
    case 'owner.erased':
      endSessions(({ ownerId }) => ownerId === news.owner, SESSION_ENDS[news.t])
      return
    case 'owner.moved':
      tell(news)
      return
    case 'job.changed': {
      const { job_id, paused, priority } = news
      tell({ t: paused ? 'job.paused' : 'job.resumed', job_id })
      tell({ t: 'job.weighed', job_id, weight: PRIORITY_WEIGHTS[priority] })
      return
    }
    case 'job.shown':
      listener.jobShown?.(news.job_id)
      return
    case 'person.left':
      listener.personLeft?.(news.session)
      return
    case 'agent.failed':
      tell({ ...news, t: 'agent.distrusted' })
      return
    default:
      news satisfies never
  }
}
