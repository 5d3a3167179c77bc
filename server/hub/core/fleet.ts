import type { JobWaiting } from '../../../kernel/api.ts'
import { fits } from './offers.ts'
import {
  emptyCount,
  type FleetCount,
  type HubJob,
  type HubSession,
  type HubState,
  type Offer,
  type Run,
} from './state.ts'
import { excludesSubmitter } from './verify-policy.ts'

/**
 * How many agents there are and how fast they are, by what they offer, in all and of each owner: kept up to date as
 * sessions change, so that "who else could do this" needs no look at the sessions.
 */

/** Brings the counters up to date with a session: to be called after each change of it. */
export function recount(state: HubState, session: HubSession): void {
  const { offer, owner } = session
  const isHere = state.sessions.has(session.id) && !state.blocked.has(session.agent.id)
  let owned = state.owners.get(owner)
  if (owned === undefined) {
    owned = new Map()
    state.owners.set(owner, owned)
  }
  let own = owned.get(offer)
  if (own === undefined) {
    own = emptyCount()
    owned.set(offer, own)
  }
  if (session.counted !== undefined) {
    add(offer.count, session.counted, -1)
    add(own, session.counted, -1)
  }
  session.counted = isHere ? { listening: session.listening, speed: session.speed } : undefined
  if (session.counted !== undefined) {
    add(offer.count, session.counted, 1)
    add(own, session.counted, 1)
  }
  if (own.connected === 0) owned.delete(offer)
  if (owned.size === 0) state.owners.delete(owner)
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

/** Agents that can do the job, of one kind or of both; `excluded`: those of these owners left out. */
function fitting(
  state: HubState,
  job: HubJob,
  kind: Offer['kind'] | undefined,
  excluded: Iterable<string>,
): FleetCount {
  const all = emptyCount()
  const isMeant = (offer: Offer) => (kind === undefined || offer.kind === kind) && fits(job, offer)
  for (const offer of state.offers.values()) if (isMeant(offer)) sum(all, offer.count, 1)
  for (const owner of excluded)
    for (const [offer, own] of state.owners.get(owner) ?? []) if (isMeant(offer)) sum(all, own, -1)
  return all
}

function sum(all: FleetCount, part: FleetCount, sign: 1 | -1): void {
  all.connected += sign * part.connected
  all.listening += sign * part.listening
  all.unknown += sign * part.unknown
  all.units_per_ms += sign * part.units_per_ms
}

/** Agents of a kind whose copy this run could count: all but those of its owners and, where they are excluded, the submitter's. */
export function eligible(state: HubState, job: HubJob, run: Run, kind: Offer['kind']): FleetCount {
  const excluded = new Set(run.copies.map(({ owner }) => owner))
  if (excludesSubmitter(job.verify)) excluded.add(job.owner)
  return fitting(state, job, kind, excluded)
}

export function fitsTarget(job: HubJob, kind: Offer['kind']): boolean {
  return job.target === 'any' || job.target === kind
}

/** Whether some connected agent could still give this run the copy that it lacks. */
export function someoneMay(state: HubState, job: HubJob, run: Run): boolean {
  return (['cpu', 'gpu'] as const).some((kind) => eligible(state, job, run, kind).connected > 0)
}

/** Agents of whom some could work for the job. */
export function connectedFor(state: HubState, job: HubJob): number {
  return fitting(state, job, undefined, excludesSubmitter(job.verify) ? [job.owner] : []).connected
}

/** Agents that could work for the job and listen now. */
export function listeningFor(state: HubState, job: HubJob): number {
  return fitting(state, job, undefined, excludesSubmitter(job.verify) ? [job.owner] : []).listening
}

/** Why a job gets no agents; undefined when it does, or has all that it needs. */
export function waitingFor(state: HubState, job: HubJob): JobWaiting | undefined {
  if (job.isPaused) return { t: 'paused' }
  if (job.isDrained || job.leases > 0) return undefined
  const connected = connectedFor(state, job) + job.connected_elsewhere
  if (connected === 0) {
    const { target, cause, memory_log2 } = job
    return { t: 'nobody', target, cause, memory_bytes: 2 ** memory_log2 }
  }
  return connected < job.min_agents ? { t: 'few', connected, wanted: job.min_agents } : undefined
}
