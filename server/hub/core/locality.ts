import { HUB } from './limits.ts'
import type { HubJob, HubSession, HubState } from './state.ts'
import { hasWork, lead } from './turns.ts'

/**
 * Which operands an agent has: those of the jobs that it was leased last, as it keeps them (agent-runtime/lease-jobs.ts). An
 * agent whose turn it would be to work for a job whose operands it would have to fetch stays with one of its own for a
 * while, as in delay scheduling (Zaharia and others, EuroSys 2010): so long as the other is not behind by more than
 * `HUB.locality_ms` of the agent's work. What a job waits for this is bounded by that, however often it happens.
 */

/** The agent has got a lease of the job, and fetches its operands. */
export function noteLocal(session: HubSession, job: HubJob): void {
  const { local } = session
  if (job.operands.length === 0 || local.at(-1) === job) return
  session.local = [...local.filter((other) => other !== job), job].slice(-HUB.local_jobs)
}

function hasOperands({ local }: HubSession, job: HubJob): boolean {
  return job.operands.every((digest) => local.some(({ operands }) => operands.includes(digest)))
}

/** Jobs that the agent may stay with although it is another's turn, the last one first. */
export function localJobs(state: HubState, session: HubSession, due: HubJob): readonly HubJob[] {
  if (session.local.length === 0 || hasOperands(session, due)) return []
  const slack_units = (session.speed ?? 0) * HUB.locality_ms
  return session.local
    .filter(
      (job) =>
        job !== due && state.jobs.get(job.id) === job && hasWork(job) && lead(state, job, due) <= slack_units,
    )
    .reverse()
}
