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

const DIGEST_BYTES = 32

/** Counts a lease of fresh shards. */
export function promise(lease: HubLease): void {
  lease.job.promised.push(lease)
  lease.job.promised_count += lease.count
}

/** The lease is over, or overdue: an agent that never answers holds nobody up for long. */
export function forgetPromise(lease: HubLease): void {
  if (lease.list === undefined) return
  unlink(lease)
  lease.job.promised_count -= lease.count
}

/** A lease has its result. */
export function noteReturn(state: HubState, { job, list, granted_ms }: HubLease): void {
  if (list === undefined) return
  const took_ms = state.now_ms - granted_ms
  job.return_ms += (took_ms - job.return_ms) * HUB.return_smoothing
}

/** So many shards have become durable. */
export function noteStored(state: HubState, job: HubJob, shards: number): void {
  job.stored_count += shards
  const elapsed_ms = state.now_ms - job.stored_since_ms
  if (elapsed_ms < 1000) return
  job.stored_per_ms = job.stored_count / elapsed_ms
  job.stored_count = 0
  job.stored_since_ms = state.now_ms
}

/** Whether so much of a job waits, for other copies or for storage, or will, that no fresh shards are leased. */
export function isFull(state: HubState, job: HubJob): boolean {
  return job.pending_bytes > HUB.pending_bytes || room(state, job) < 0
}

/** Whether there is room for many leases again: to wake agents for each single one would cost more than the lease. */
export function hasRoom(state: HubState, job: HubJob): boolean {
  return job.pending_bytes <= HUB.pending_bytes && room(state, job) >= HUB.unstored_bytes / 8
}

/** Bytes for which there is room; negative: there are so many too many. */
function room(state: HubState, job: HubJob): number {
  const shard_bytes = DIGEST_BYTES + (job.inline_leaves ? job.leaf_max_bytes : 0)
  const left = (): number => {
    const held = Math.max(0, job.promised_count - job.stored_per_ms * job.return_ms)
    return HUB.unstored_bytes - (job.unstored_count + held) * shard_bytes
  }
  if (left() >= 0) return left()
  for (let first = job.promised.first; first !== undefined; first = job.promised.first) {
    if (state.now_ms - first.granted_ms < HUB.promise_ms) break
    forgetPromise(first)
  }
  return left()
}
