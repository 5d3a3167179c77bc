import { FairQueue } from './fair-queue.ts'
import { wakeMany } from './hungry.ts'
import type { HubChunk, HubJob, HubState, OwnerShare } from './state.ts'

/**
 * Whose turn it is: owners share the network by their jobs' work, each owner's jobs share his part by their weights. A
 * job stands in the queues while it has something to lease.
 */

function shareOf(state: HubState, owner: string): OwnerShare {
  const known = state.shares.get(owner)
  if (known !== undefined) return known
  const share: OwnerShare = { owner, order: state.next_order++, weight: 1, served: 0, jobs: new FairQueue() }
  state.shares.set(owner, share)
  return share
}

export function hasWork(job: HubJob): boolean {
  if (!job.isExhausted && job.stopped_at === undefined) return true
  return job.fresh_count > 0 || job.missing_copies > 0 || job.flying.size > 0
}

/** Queues a job that has something to lease. */
export function offerJob(state: HubState, job: HubJob): void {
  if (!state.jobs.has(job.id)) return
  const share = shareOf(state, job.owner)
  if (!share.jobs.has(job)) share.jobs.add(job)
  if (!state.turns.has(share)) state.turns.add(share)
}

/** Takes a job out of the queues: it has nothing to lease, or has ended. */
export function withdrawJob(state: HubState, job: HubJob): void {
  const share = state.shares.get(job.owner)
  if (share === undefined) return
  if (share.jobs.has(job)) share.jobs.remove(job)
  if (share.jobs.size === 0 && state.turns.has(share)) state.turns.remove(share)
}

/** Forgets an owner's share when he has no job left. */
export function forgetShare(state: HubState, owner: string): void {
  const share = state.shares.get(owner)
  if (share === undefined || share.jobs.size > 0) return
  for (const job of state.jobs.values()) if (job.owner === owner) return
  state.shares.delete(owner)
}

export function serveJob(state: HubState, job: HubJob, work_units: number): void {
  const share = shareOf(state, job.owner)
  if (share.jobs.has(job)) share.jobs.serve(job, work_units)
  if (state.turns.has(share)) state.turns.serve(share, work_units)
}

/** Shards of an owned chunk that nobody has begun. */
export function offerFresh(state: HubState, chunk: HubChunk, first: number, count: number): void {
  const { job } = chunk
  job.fresh.push({ chunk, first, count })
  job.fresh_count += count
  offerJob(state, job)
  wakeMany(state, job, count)
}
