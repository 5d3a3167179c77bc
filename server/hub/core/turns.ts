import { FairQueue } from './fair-queue.ts'
import { wakeMany } from './hungry.ts'
import { fits, needsKey } from './offers.ts'
import type { HubChunk, HubJob, HubState, Lane, Needs, Offer, OwnerAccount, OwnerShare } from './state.ts'

/**
 * Whose turn it is: owners share the network by their jobs' work, each owner's jobs share his part by their weights. A
 * job stands in the queues while it has something to lease. Jobs that need the same of an agent stand in one lane, so
 * that an agent meets only jobs that it can do; what an owner was served counts in all of his lanes.
 */

export function laneOf(state: HubState, { target, cause, memory_log2 }: Needs): Lane {
  const key = needsKey({ target, cause, memory_log2 })
  const known = state.lanes.get(key)
  if (known !== undefined) return known
  const lane: Lane = { key, needs: { target, cause, memory_log2 }, jobs: 0, turns: new FairQueue() }
  state.lanes.set(key, lane)
  return lane
}

/** A job has come to be this owner's. */
export function countJob(state: HubState, job: HubJob): void {
  const account = state.accounts.get(job.owner) ?? { owner: job.owner, served: 0, jobs: 0, shares: new Map() }
  state.accounts.set(job.owner, account)
  account.jobs++
  job.lane.jobs++
}

/** It is his no more: to be called when it stands in no queue. */
export function uncountJob(state: HubState, job: HubJob): void {
  const account = state.accounts.get(job.owner)
  if (account === undefined) return
  account.jobs--
  job.lane.jobs--
  if (account.jobs === 0) state.accounts.delete(job.owner)
  if (job.lane.jobs === 0) state.lanes.delete(job.lane.key)
}

function shareOf(state: HubState, account: OwnerAccount, lane: Lane): OwnerShare {
  const known = account.shares.get(lane.key)
  if (known?.lane === lane) return known
  const { owner, served } = account
  const share: OwnerShare = {
    owner,
    lane,
    order: state.next_order++,
    weight: 1,
    served,
    jobs: new FairQueue(),
  }
  account.shares.set(lane.key, share)
  return share
}

export function hasWork(job: HubJob): boolean {
  if (job.isPaused) return false
  if (!job.isExhausted && job.stopped_at === undefined) return true
  return job.fresh_count > 0 || job.missing_copies > 0 || job.flying.size > 0
}

/** Queues a job that has something to lease. */
export function offerJob(state: HubState, job: HubJob): void {
  const account = state.accounts.get(job.owner)
  if (!state.jobs.has(job.id) || job.isPaused || account === undefined) return
  const share = shareOf(state, account, job.lane)
  if (!share.jobs.has(job)) share.jobs.add(job)
  if (!job.lane.turns.has(share)) job.lane.turns.add(share)
}

/** Takes a job out of the queues: it has nothing to lease, is paused, or has ended. */
export function withdrawJob(state: HubState, job: HubJob): void {
  const share = state.accounts.get(job.owner)?.shares.get(job.lane.key)
  if (share === undefined) return
  if (share.jobs.has(job)) share.jobs.remove(job)
  if (share.jobs.size === 0 && job.lane.turns.has(share)) job.lane.turns.remove(share)
}

export function serveJob(state: HubState, job: HubJob, work_units: number): void {
  const account = state.accounts.get(job.owner)
  if (account === undefined) return
  account.served += work_units
  for (const share of account.shares.values()) {
    if (share.lane.turns.has(share)) share.lane.turns.serve(share, work_units)
    else share.served += work_units
    // Who caught up in one lane has caught up in all that he comes to later.
    account.served = Math.max(account.served, share.served)
  }
  const jobs = account.shares.get(job.lane.key)?.jobs
  if (jobs?.has(job) === true) jobs.serve(job, work_units)
}

/** So much more than the other's owner, or than the other job of the same one, this job was served, in work units. */
export function lead(state: HubState, job: HubJob, other: HubJob): number {
  if (job.owner === other.owner) return job.served - other.served
  const served = (one: HubJob) => state.accounts.get(one.owner)?.shares.get(one.lane.key)?.served ?? 0
  return served(job) - served(other)
}

export function hasTurns(state: HubState): boolean {
  for (const { turns } of state.lanes.values()) if (turns.size > 0) return true
  return false
}

/** Shares of the jobs that an agent with this offer can do, in turn. */
export function* inTurn(state: HubState, offer: Offer): Generator<OwnerShare> {
  const heads: { share: OwnerShare; readonly rest: IterableIterator<OwnerShare> }[] = []
  for (const { needs, turns } of state.lanes.values()) {
    if (turns.size === 0 || !fits(needs, offer)) continue
    const rest = turns[Symbol.iterator]()
    const first = rest.next()
    if (first.done !== true) heads.push({ share: first.value, rest })
  }
  while (heads.length > 0) {
    let least = 0
    for (let at = 1; at < heads.length; at++)
      if (comesBefore(heads[at]?.share, heads[least]?.share)) least = at
    const head = heads[least]
    if (head === undefined) return
    yield head.share
    const next = head.rest.next()
    if (next.done === true) heads.splice(least, 1)
    else head.share = next.value
  }
}

function comesBefore(a: OwnerShare | undefined, b: OwnerShare | undefined): boolean {
  if (a === undefined || b === undefined) return false
  return a.served < b.served || (a.served === b.served && a.order < b.order)
}

/** Shards of an owned chunk that nobody has begun. */
export function offerFresh(state: HubState, chunk: HubChunk, first: number, count: number): void {
  const { job } = chunk
  job.fresh.push({ chunk, first, count })
  job.fresh_count += count
  offerJob(state, job)
  wakeMany(state, job, count)
}
