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
 * How many agents there are and how fast they are, by what they offer, in all and of each owner and network: kept up to date
 * as sessions change, so that "who else could do this" needs no look at the sessions.
 */

/** Brings the counters up to date with a session: to be called after each change of it. */
export function recount(state: HubState, session: HubSession): void {
  const { offer, owner, network, counted: before } = session
  const isHere = state.sessions.has(session.id) && !state.blocked.has(session.agent.id)
  session.counted = isHere ? { listening: session.listening, speed: session.speed } : undefined
  change(offer.count, before, session.counted)
  recountCrowd(state, owner, offer, before, session.counted)
  if (network === undefined) return
  recountCrowd(state, network, offer, before, session.counted)
  recountCrowd(state, pairKey(owner, network), offer, before, session.counted)
}

type Counted = HubSession['counted']

/** Agents that one of both would count are counted by both. */
function pairKey(owner: string, network: string): string {
  return `${owner} ${network}`
}

function recountCrowd(state: HubState, key: string, offer: Offer, before: Counted, now: Counted): void {
  let crowd = state.crowds.get(key)
  if (crowd === undefined) {
    crowd = new Map()
    state.crowds.set(key, crowd)
  }
  let count = crowd.get(offer)
  if (count === undefined) {
    count = emptyCount()
    crowd.set(offer, count)
  }
  change(count, before, now)
  if (count.connected === 0) crowd.delete(offer)
  if (crowd.size === 0) state.crowds.delete(key)
}

function change(count: FleetCount, before: Counted, now: Counted): void {
  if (before !== undefined) add(count, before, -1)
  if (now !== undefined) add(count, now, 1)
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

const NOBODY: ReadonlySet<string> = new Set()

/** Agents that can do the job, of one kind or of both, without those of these owners and of these networks. */
function fitting(
  state: HubState,
  job: HubJob,
  kind: Offer['kind'] | undefined,
  owners: ReadonlySet<string>,
  networks: ReadonlySet<string>,
): FleetCount {
  const all = emptyCount()
  const isMeant = (offer: Offer) => (kind === undefined || offer.kind === kind) && fits(job, offer)
  const sumCrowd = (key: string, sign: 1 | -1) => {
    for (const [offer, count] of state.crowds.get(key) ?? []) if (isMeant(offer)) sum(all, count, sign)
  }
  for (const offer of state.offers.values()) if (isMeant(offer)) sum(all, offer.count, 1)
  for (const owner of owners) sumCrowd(owner, -1)
  for (const network of networks) {
    sumCrowd(network, -1)
    // Left out twice.
    for (const owner of owners) sumCrowd(pairKey(owner, network), 1)
  }
  return all
}

/** The submitter's own agents, where they do not count. */
function ownAgents(job: HubJob): ReadonlySet<string> {
  return excludesSubmitter(job.verify) ? new Set([job.owner]) : NOBODY
}

function sum(all: FleetCount, part: FleetCount, sign: 1 | -1): void {
  all.connected += sign * part.connected
  all.listening += sign * part.listening
  all.unknown += sign * part.unknown
  all.units_per_ms += sign * part.units_per_ms
}

/**
 * Agents of a kind whose copy this run could count: all but those of its owners and networks and, where they are excluded,
 * the submitter's.
 */
export function eligible(state: HubState, job: HubJob, run: Run, kind: Offer['kind']): FleetCount {
  const owners = new Set(ownAgents(job))
  let networks: Set<string> | undefined
  for (const { owner, network } of run.copies) {
    owners.add(owner)
    if (network === undefined) continue
    networks ??= new Set()
    networks.add(network)
  }
  return fitting(state, job, kind, owners, networks ?? NOBODY)
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
  return fitting(state, job, undefined, ownAgents(job), NOBODY).connected
}

/** Agents that could work for the job and listen now. */
export function listeningFor(state: HubState, job: HubJob): number {
  return fitting(state, job, undefined, ownAgents(job), NOBODY).listening
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
