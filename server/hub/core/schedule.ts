import { invariant } from '../../../kernel/errors.ts'
import { LIMITS } from '../../../kernel/limits.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import { isFinal } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { leaseEnd, openEnd } from './looks.ts'
import type { Segment } from './segments.ts'
import type { HubJob, HubSession, HubState } from './state.ts'

/**
 * Which shards an agent gets next. Rules:
 * - A shard is never leased twice to one owner, and under a quorum never to its submitter's own agents.
 * - A lease never crosses a look of a job with a target (looks.ts).
 * - Between jobs the one with the fewest leases goes first, then the older one.
 * - Inside a job an agent first completes what another kind of executor has begun: agreement of two kinds says more
 *   than of two alike, and completing frees memory. Then it completes what its own kind has begun, but only when nobody
 *   of another kind can be expected soon, or too much waits. Then it opens untouched shards.
 */

export interface Choice {
  readonly job: HubJob
  readonly index: number
  readonly count: number
}

const isGpu = (kind: ExecutorKind): boolean => kind === 'webgpu'

export function fitsTarget(job: HubJob, kind: ExecutorKind): boolean {
  return job.target === 'any' || (job.target === 'gpu') === isGpu(kind)
}

/** Whether a result of this owner could count towards the segment. */
function ownerMay(job: HubJob, segment: Segment, owner: string): boolean {
  if (job.copies_needed > 1 && owner === job.owner) return false
  return !segment.copies.some((copy) => copy.owner === owner)
}

export function mayLease(job: HubJob, segment: Segment, session: HubSession): boolean {
  return (
    !segment.disputed &&
    segment.copies.length < job.copies_needed &&
    fitsTarget(job, session.executor) &&
    ownerMay(job, segment, session.owner)
  )
}

/** Whether some connected agent could still give this segment the copy that it lacks. */
export function someoneMay(state: HubState, job: HubJob, segment: Segment): boolean {
  for (const session of state.sessions.values()) {
    if (!state.blocked.has(session.agent) && mayLease(job, segment, session)) return true
  }
  return false
}

/** @returns the next run of shards for this agent, or undefined when there is nothing for it */
export function chooseWork(state: HubState, session: HubSession): Choice | undefined {
  const jobs = [...state.jobs.values()]
    .filter((job) => !isFinal(job.phase) && job.segments.length > 0 && fitsTarget(job, session.executor))
    .sort((a, b) => a.leases - b.leases || a.order - b.order)
  for (const job of jobs) {
    const choice = chooseSegment(state, job, session)
    if (choice !== undefined) return choice
  }
  return undefined
}

function chooseSegment(state: HubState, job: HubJob, session: HubSession): Choice | undefined {
  const gpu = isGpu(session.executor)
  let begun_by_others: number | undefined
  let begun_alike: number | undefined
  let untouched: number | undefined
  let pending_bytes = 0
  let missing_copies = 0
  let waiting_units = 0
  const end = openEnd(job)
  for (const [index, segment] of job.segments.all.entries()) {
    if (segment.first >= end) break
    const count = Math.min(segment.count, end - segment.first)
    if (job.inline_leaves && segment.returned_ms !== undefined)
      pending_bytes += segment.count * job.leaf_max_bytes
    if (segment.disputed || segment.copies.length >= job.copies_needed) continue
    missing_copies += count * (job.copies_needed - segment.copies.length)
    const alike = segment.copies.length > 0 && segment.copies.every((copy) => isGpu(copy.executor) === gpu)
    if (alike) waiting_units += segment.count * job.shard_units
    if (!mayLease(job, segment, session)) continue
    if (segment.copies.length === 0) untouched ??= index
    else if (alike) begun_alike ??= index
    else begun_by_others ??= index
  }
  const take = (index: number): Choice => {
    const segment = job.segments.all[index]
    invariant(segment !== undefined, 'a chosen segment exists')
    const room = Math.min(segment.count, leaseEnd(job, segment.first) - segment.first)
    return { job, index, count: Math.min(room, leaseSize(state, job, session, missing_copies)) }
  }
  if (begun_by_others !== undefined) return take(begun_by_others)
  const full = pending_bytes > HUB.pending_bytes
  if (begun_alike !== undefined && (full || !otherKindComes(state, job, begun_alike, gpu, waiting_units)))
    return take(begun_alike)
  return untouched === undefined || full ? undefined : take(untouched)
}

/** Whether agents of the other kind, who may have this segment, will get through what waits in the time that diversity is worth. */
function otherKindComes(
  state: HubState,
  job: HubJob,
  index: number,
  gpu: boolean,
  waiting_units: number,
): boolean {
  const segment = job.segments.all[index]
  if (segment === undefined) return false
  let units_per_ms = 0
  let unknown = false
  for (const session of state.sessions.values()) {
    if (!session.listening || isGpu(session.executor) === gpu || state.blocked.has(session.agent)) continue
    if (!mayLease(job, segment, session)) continue
    if (session.speed === undefined) unknown = true
    else units_per_ms += session.speed
  }
  return unknown || (units_per_ms > 0 && waiting_units / units_per_ms <= HUB.diversity_backlog_ms)
}

/** Shards for one lease: the agent's own pace, less near the end of the job so that all finish together. */
function leaseSize(state: HubState, job: HubJob, session: HubSession, missing_copies: number): number {
  const message_cap = job.inline_leaves
    ? Math.floor(LIMITS.lease_inline_bytes / Math.max(1, job.leaf_max_bytes))
    : 64
  const share = Math.ceil(missing_copies / (2 * Math.max(1, countListening(state))))
  const pace =
    session.speed === undefined
      ? HUB.first_lease_shards
      : Math.floor((session.speed * HUB.lease_target_ms) / Math.max(1, job.shard_units))
  const first = session.speed_measured ? Number.POSITIVE_INFINITY : HUB.first_lease_shards
  return Math.max(1, Math.min(pace, first, share, message_cap, LIMITS.lease_shards))
}

function countListening(state: HubState): number {
  let count = 0
  for (const session of state.sessions.values()) if (session.listening) count++
  return count
}

/** @returns how long the agent may take, milliseconds */
export function leaseDuration(job: HubJob, session: HubSession, count: number): number {
  const expected_ms = session.speed === undefined ? 0 : (count * job.shard_units) / session.speed
  return Math.round(Math.max(HUB.deadline_min_ms, expected_ms * HUB.deadline_factor * session.window))
}
