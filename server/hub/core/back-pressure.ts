import { wakeMany } from './hungry.ts'
import { HUB } from './limits.ts'
import { unlink } from './linked-list.ts'
import type { HubJob, HubLease, HubState } from './state.ts'

/**
 * Back-pressure: fresh shards of a job are leased as fast as its results are stored. What is accepted waits in memory until it
 * is durable, and what agents hold comes back whether there is room for it or not; so both count. By Little's law agents
 * hold, while nothing waits for storage, what is stored in the time that they take: only what they hold beyond that
 * will wait here. A bound on what waits alone would let every agent have leases at once whenever there is a little room, and
 * then nobody until all of it is stored.
 */

/** A digest is kept beside each leaf. */
export const DIGEST_BYTES = 32

/** Counts a lease of fresh shards that is granted now. */
export function promise(state: HubState, lease: HubLease): void {
  state.promised.push(lease)
  lease.job.promised_count += lease.count
}

/** The lease is over, or overdue. */
export function forgetPromise(lease: HubLease): void {
  if (lease.list === undefined) return
  unlink(lease)
  lease.job.promised_count -= lease.count
}

/** Forgets promises that are overdue, each once: an agent that never answers holds nobody up for long. */
export function forgetOverdue(state: HubState): void {
  for (const lease of state.promised) {
    if (state.now_ms - lease.granted_ms < HUB.promise_ms) return
    noteHeld(state, lease)
    forgetPromise(lease)
    takeUp(state, lease.job)
  }
}

/** A lease has its result, or is overdue: its agent has held it so long. */
export function noteHeld(state: HubState, { job, list, granted_ms }: HubLease): void {
  if (list === undefined) return
  job.held_ms += (state.now_ms - granted_ms - job.held_ms) * HUB.held_smoothing
}

/** So many shards, which wait no more, have become durable. */
export function noteStored(state: HubState, job: HubJob, shards: number): void {
  job.stored_count += shards
  const elapsed_ms = state.now_ms - job.stored_since_ms
  if (elapsed_ms >= 1000) {
    job.stored_per_ms = job.stored_count / elapsed_ms
    job.stored_count = 0
    job.stored_since_ms = state.now_ms
  }
  takeUp(state, job)
}

/** Whether so much of a job waits, for other copies or for storage, or will, that no fresh shards are leased. */
export function isFull(state: HubState, job: HubJob): boolean {
  return job.pending_bytes > HUB.pending_bytes || room(state, job) < 0
}

/**
 * Wakes agents for a job that held them back, once there is room for many leases again: to wake them for each single one
 * would cost more than the lease.
 */
function takeUp(state: HubState, job: HubJob): void {
  if (!job.isHeldBack) return
  if (job.pending_bytes > HUB.pending_bytes || room(state, job) < state.options.unstored_bytes / 8) return
  job.isHeldBack = false
  wakeMany(state, job, HUB.wake_per_tick)
}

/** Bytes for which there is room; negative: there are so many too many. */
function room({ options }: HubState, job: HubJob): number {
  const shard_bytes = DIGEST_BYTES + (job.inline_leaves ? job.leaf_max_bytes : 0)
  const held = Math.max(0, job.promised_count - job.stored_per_ms * job.held_ms)
  return options.unstored_bytes - (job.unstored_count + held) * shard_bytes
}
