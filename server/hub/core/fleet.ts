import type { ExecutorKind } from '../../../kernel/receipt.ts'
import {
  emptyFleet,
  type FleetCount,
  type HubJob,
  type HubSession,
  type HubState,
  type Run,
} from './state.ts'
import { excludesSubmitter } from './verify-policy.ts'

/**
 * How many agents of each kind there are and how fast they are, in all and of each owner: kept up to date as sessions
 * change, so that "who else could do this" needs no look at the sessions.
 */

export function kindOf(executor: ExecutorKind): 'cpu' | 'gpu' {
  return executor === 'webgpu' ? 'gpu' : 'cpu'
}

/** Brings the counters up to date with a session: to be called after each change of it. */
export function recount(state: HubState, session: HubSession): void {
  const isCounted = state.sessions.has(session.id) && !state.blocked.has(session.agent.id)
  const kind = kindOf(session.executor)
  let own = state.owners.get(session.owner)
  if (own === undefined) {
    own = emptyFleet()
    state.owners.set(session.owner, own)
  }
  if (session.counted !== undefined) {
    add(state.fleet[kind], session.counted, -1)
    add(own[kind], session.counted, -1)
  }
  session.counted = isCounted ? { listening: session.listening, speed: session.speed } : undefined
  if (session.counted !== undefined) {
    add(state.fleet[kind], session.counted, 1)
    add(own[kind], session.counted, 1)
  }
  if (own.cpu.connected + own.gpu.connected === 0) state.owners.delete(session.owner)
}

function add(count: FleetCount, session: NonNullable<HubSession['counted']>, sign: 1 | -1): void {
  count.connected += sign
  if (session.listening) {
    count.listening += sign
    if (session.speed === undefined) count.unknown += sign
    else count.units_per_ms += sign * session.speed
  }
  // Sums of floats do not go back to exactly zero.
  if (count.listening === count.unknown) count.units_per_ms = 0
}

/** Agents of a kind whose copy this run could count: all but those of its owners and, where they are excluded, the submitter's. */
export function eligible(state: HubState, job: HubJob, run: Run, kind: 'cpu' | 'gpu'): FleetCount {
  const all = { ...state.fleet[kind] }
  const excluded = new Set(run.copies.map(({ owner }) => owner))
  if (excludesSubmitter(job.verify)) excluded.add(job.owner)
  for (const owner of excluded) {
    const own = state.owners.get(owner)?.[kind]
    if (own === undefined) continue
    all.connected -= own.connected
    all.listening -= own.listening
    all.unknown -= own.unknown
    all.units_per_ms -= own.units_per_ms
  }
  return all
}

export function fitsTarget(job: HubJob, kind: 'cpu' | 'gpu'): boolean {
  return job.target === 'any' || job.target === kind
}

/** Whether some connected agent could still give this run the copy that it lacks. */
export function someoneMay(state: HubState, job: HubJob, run: Run): boolean {
  return (['cpu', 'gpu'] as const).some(
    (kind) => fitsTarget(job, kind) && eligible(state, job, run, kind).connected > 0,
  )
}

/** Agents of whom some could work for the job. */
export function connectedFor(state: HubState, job: HubJob): number {
  let count = 0
  for (const kind of ['cpu', 'gpu'] as const) {
    if (!fitsTarget(job, kind)) continue
    count += state.fleet[kind].connected
    if (excludesSubmitter(job.verify)) count -= state.owners.get(job.owner)?.[kind].connected ?? 0
  }
  return count
}
