import { PRIORITY_WEIGHTS } from '../../kernel/api.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { Admissions } from './admissions.ts'
import type { AgentDesk } from './agent-desk.ts'
import { ClusterDesk } from './cluster-desk.ts'
import { connectedFor } from './core/fleet.ts'
import type { CoreLoop } from './core-loop.ts'
import type { Finisher } from './finisher.ts'
import { FINISHING_TOLD, type HubNews, SESSION_ENDS } from './hub-news.ts'
import type { JobDisplay } from './job-display.ts'
import type { JobEnds } from './job-ends.ts'
import type { JobTable } from './job-table.ts'
import { UNFINISHED } from './job-writer.ts'
import type { HubOptions } from './options.ts'
import type { SessionTable } from './session-table.ts'
import type { Tally } from './tally.ts'

/** What of a hub the others concern. */
export interface ClusterHost extends Pick<HubOptions, 'log' | 'listener' | 'address'> {
  readonly jobs: Pick<JobStore, 'get'>
  readonly loop: CoreLoop
  readonly running: JobTable
  readonly sessions: Pick<SessionTable, 'counts'>
  readonly tally: Tally
  readonly finisher: Pick<Finisher, 'jobs'>
  readonly admissions: Pick<Admissions, 'take' | 'over' | 'has' | 'waitingJobs' | 'waiting'>
  readonly ends: Pick<JobEnds, 'letGo'>
  readonly agents: Pick<AgentDesk, 'endSessions'>
  readonly display: Pick<JobDisplay, 'retold'>
  isClosed(): boolean
}

/** Connects a hub with the others of its store: what they say becomes events of its core and sessions that end. */
export function joinCluster(cluster: NonNullable<HubOptions['cluster']>, host: ClusterHost): ClusterDesk {
  const { jobs, log, loop, running, admissions } = host
  const { epoch, state } = loop
  const isHere = (jobId: string): boolean => state.jobs.has(jobId) || admissions.waiting(jobId) !== undefined

  const retell = (jobId: string): void => {
    host.display.retold(jobId)
    const connected = running.get(jobId)?.parts.connectedElsewhere
    const core = state.jobs.get(jobId)
    if (core !== undefined && connected !== undefined && connected !== core.connected_elsewhere)
      loop.apply({ t: 'job.elsewhere', job_id: jobId, connected })
  }

  return new ClusterDesk({
    ...cluster,
    epoch,
    log,
    jobs: () => [...running.ids(), ...admissions.waitingJobs()],
    has: (jobId) => running.has(jobId) || admissions.has(jobId),
    async admit(jobId) {
      const row = host.isClosed() ? undefined : await jobs.get(jobId)
      if (row !== undefined && UNFINISHED.includes(row.state) && !host.isClosed()) await admissions.take(row)
    },
    async letGo(jobId) {
      await admissions.over(jobId)
      const row = isHere(jobId) ? await jobs.get(jobId) : undefined
      // Whoever ends it here meanwhile needs nobody to tell him.
      if (row !== undefined && !UNFINISHED.includes(row.state) && isHere(jobId))
        host.ends.letGo(jobId, row.state)
    },
    chunksAvailable: (jobId) => void loop.apply({ t: 'chunks.available', job_id: jobId }),
    news: (news) => follow(host, news),
    status: () => ({
      ...host.sessions.counts(),
      ...host.tally.since(),
      shards_per_s: host.tally.view(loop.now_ms()).shards_per_s,
      ...(state.isDraining || host.address === undefined ? {} : { address: host.address }),
      finishing: host.finisher.jobs.slice(0, FINISHING_TOLD),
    }),
    part(jobId) {
      const core = state.jobs.get(jobId)
      return core && running.get(jobId)?.part(core, connectedFor(state, core))
    },
    heard(jobId, from, part, isThere) {
      running.get(jobId)?.parts.hear(from, part, isThere)
      retell(jobId)
    },
    present(epochs) {
      for (const { id, parts } of running.all()) if (parts.present(epochs)) retell(id)
    },
  })
}

/** Something that every hub has to know; this one may have done it itself. */
function follow({ agents, loop, listener }: ClusterHost, news: HubNews): void {
  switch (news.t) {
    case 'agent.revoked':
      agents.endSessions(({ agent }) => agent === news.agent, SESSION_ENDS[news.t])
      return
    case 'token.revoked':
      agents.endSessions(({ tokenId }) => tokenId === news.token, SESSION_ENDS[news.t])
      return
    case 'owner.erased':
      agents.endSessions(({ ownerId }) => ownerId === news.owner, SESSION_ENDS[news.t])
      return
    case 'owner.moved':
      loop.apply(news)
      return
    case 'job.changed': {
      const { job_id, paused, priority } = news
      loop.apply({ t: paused ? 'job.paused' : 'job.resumed', job_id })
      loop.apply({ t: 'job.weighed', job_id, weight: PRIORITY_WEIGHTS[priority] })
      return
    }
    case 'job.shown':
      listener.jobShown?.(news.job_id)
      return
    case 'person.left':
      listener.personLeft?.(news.session)
      return
    case 'agent.failed':
      loop.apply({ ...news, t: 'agent.distrusted' })
      return
    default:
      news satisfies never
  }
}
