import { invariant } from '../../../kernel/errors.ts'
import { noteStored } from './back-pressure.ts'
import type { ClaimedChunk, HubEvent } from './events.ts'
import { connectedFor } from './fleet.ts'
import { forgetLease, sayCancelled } from './leases.ts'
import { HUB } from './limits.ts'
import { removeRun } from './runs.ts'
import { type HubChunk, type HubJob, type HubState, isAccepted } from './state.ts'
import { type Turn, updatePhase } from './turn.ts'
import { offerFresh, offerJob } from './turns.ts'

/**
 * Chunks: which part of a job is this hub's to do. The queue outside gives a chunk to one hub at a time, under an epoch
 * that fences what an earlier owner writes late. A chunk all of whose shards are durable is done and forgotten, so memory
 * follows the work in hand, never the job.
 */

/** Counts fresh shards that were granted, and asks for more chunks when what is untouched here would not last. */
export function claimAhead(turn: Turn, job: HubJob, granted = 0): void {
  job.granted_count += granted
  const elapsed_ms = turn.state.now_ms - job.granted_since_ms
  if (elapsed_ms >= 1000) {
    job.granted_per_s = (job.granted_count * 1000) / elapsed_ms
    job.granted_count = 0
    job.granted_since_ms = turn.state.now_ms
  }
  const ahead = Math.max(1, job.chunk_shards / 4, job.granted_per_s * HUB.claim_ahead_s)
  if (job.fresh_count >= ahead) return
  const missing = Math.ceil((ahead - job.fresh_count) / Math.max(1, job.chunk_shards))
  claim(turn, job, job.chunk_shards === 0 ? 1 : Math.min(HUB.claim_chunks, missing))
}

/** An agent has found nothing in the chunks that are here. */
export function claimForHungry(turn: Turn, job: HubJob): void {
  claim(turn, job, 1)
}

/** A hub whose agents cannot do the job leaves its chunks to others. */
function claim(turn: Turn, job: HubJob, wanted: number): void {
  if (turn.state.isDraining || job.isClaiming || job.isExhausted || job.isPaused) return
  if (connectedFor(turn.state, job) === 0) return
  job.isClaiming = true
  turn.effects.push({ t: 'chunk.claim', job_id: job.id, wanted })
}

export function receiveChunks(turn: Turn, event: HubEvent & { t: 'chunks.claimed' }): void {
  const job = turn.state.jobs.get(event.job_id)
  if (job === undefined || job.stopped_at !== undefined) return
  job.isClaiming = false
  job.isExhausted = event.exhausted
  for (const chunk of event.chunks) openChunk(turn, job, chunk)
  updatePhase(turn, job)
  if (event.chunks.length > 0) claimAhead(turn, job)
}

export function chunksAvailable(turn: Turn, job_id: string): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined || job.stopped_at !== undefined) return
  job.isExhausted = false
  updatePhase(turn, job)
  offerJob(turn.state, job)
  claimAhead(turn, job)
}

function openChunk(turn: Turn, job: HubJob, claimed: ClaimedChunk): void {
  const { state } = turn
  const known = job.chunks.get(claimed.chunk)
  if (known !== undefined) {
    invariant(claimed.epoch > known.epoch, 'a chunk is claimed again under a later epoch')
    closeChunk(turn, known)
  }
  const chunk: HubChunk = {
    job,
    number: claimed.chunk,
    first: claimed.first,
    count: claimed.count,
    epoch: claimed.epoch,
    accepted: new Uint8Array((claimed.count + 7) >> 3),
    runs: new Set(),
    accepted_count: 0,
    durable_count: 0,
    isOwned: true,
    timer: undefined,
  }
  job.chunks.set(chunk.number, chunk)
  job.chunk_shards = chunk.count
  const end = chunk.first + chunk.count
  let next = chunk.first
  for (const [first, count] of [...claimed.accepted, [end, 0] as const]) {
    invariant(first >= next && first + count <= end, 'accepted shards are ascending and inside their chunk')
    markAccepted(chunk, first, count)
    if (first > next) offerFresh(state, chunk, next, first - next)
    next = first + count
  }
  chunk.durable_count = chunk.accepted_count
  armExtension(state, chunk, claimed.lease_ms)
  finishChunk(turn, chunk)
}

/** Extends at a third of the claim's time: two answers may be lost before it ends. */
function armExtension(state: HubState, chunk: HubChunk, lease_ms: number): void {
  chunk.timer = state.timers.set(state.now_ms + lease_ms / 3, { t: 'chunk', chunk, lease_ms })
}

/** A chunk that is being worked on is kept; one that nobody here can work on any more is given back. */
export function extendChunk(turn: Turn, chunk: HubChunk, lease_ms: number): void {
  const { job, number, epoch } = chunk
  const isUntouched = chunk.runs.size === 0 && chunk.durable_count === chunk.accepted_count
  if (isUntouched && connectedFor(turn.state, job) === 0) {
    const accepted = acceptedRanges(chunk)
    closeChunk(turn, chunk)
    job.isExhausted = false
    offerJob(turn.state, job)
    turn.effects.push({ t: 'chunk.return', job_id: job.id, chunk: number, epoch, accepted })
    return
  }
  turn.effects.push({ t: 'chunk.extend', job_id: chunk.job.id, chunk: chunk.number, epoch: chunk.epoch })
  armExtension(turn.state, chunk, lease_ms)
}

function acceptedRanges(chunk: HubChunk): readonly (readonly [first: number, count: number])[] {
  const ranges: [number, number][] = []
  for (let offset = 0; offset < chunk.count; offset++) {
    if (!isAccepted(chunk, offset)) continue
    const last = ranges.at(-1)
    if (last !== undefined && last[0] + last[1] === chunk.first + offset) last[1]++
    else ranges.push([chunk.first + offset, 1])
  }
  return ranges
}

export function markAccepted(chunk: HubChunk, first: number, count: number): void {
  for (let offset = first - chunk.first; offset < first - chunk.first + count; offset++) {
    const bit = 1 << (offset & 7)
    const byte = chunk.accepted[offset >> 3] ?? 0
    invariant((byte & bit) === 0, 'a shard is accepted once')
    chunk.accepted[offset >> 3] = byte | bit
  }
  chunk.accepted_count += count
}

/** Gives up a chunk whose claim is over. */
export function loseChunk(turn: Turn, event: HubEvent & { t: 'chunk.lost' }): void {
  const chunk = turn.state.jobs.get(event.job_id)?.chunks.get(event.chunk)
  if (chunk === undefined || chunk.epoch !== event.epoch) return
  closeChunk(turn, chunk)
  // Somebody else has it now: he may give it up as well.
  updatePhase(turn, chunk.job)
}

/** Gives up what is open in a chunk: somebody else has it. */
export function closeChunk(turn: Turn, chunk: HubChunk): void {
  dropRuns(turn, chunk, 'another hub goes on with these shards')
  for (const range of chunk.job.fresh.all) if (range.chunk === chunk) chunk.job.fresh_count -= range.count
  forgetChunk(chunk)
}

/** Ends everything that is open in a chunk, and the leases of it. */
export function dropRuns(turn: Turn, chunk: HubChunk, reason: string): void {
  for (const run of [...chunk.runs]) {
    const leases = run.copies.flatMap((copy) =>
      copy.digests === undefined ? (turn.state.leases.get(copy.lease_id) ?? []) : [],
    )
    removeRun(turn.state, run)
    for (const lease of leases) {
      if (lease.runs.size > 0) continue
      forgetLease(turn, lease)
      sayCancelled(turn, lease, reason)
    }
  }
}

export function forgetChunk(chunk: HubChunk): void {
  chunk.isOwned = false
  chunk.job.unstored_count -= chunk.accepted_count - chunk.durable_count
  chunk.timer?.cancel()
  chunk.job.chunks.delete(chunk.number)
}

/** So many shards of the chunk have become durable. */
export function shardsDurable(turn: Turn, event: HubEvent & { t: 'committed' }): void {
  const chunk = turn.state.jobs.get(event.job_id)?.chunks.get(event.chunk)
  if (chunk === undefined || chunk.epoch !== event.epoch) return
  chunk.durable_count += event.shard_count
  chunk.job.unstored_count -= event.shard_count
  invariant(
    chunk.durable_count <= chunk.accepted_count && chunk.accepted_count <= chunk.count,
    'only accepted shards become durable',
  )
  noteStored(turn.state, chunk.job, event.shard_count)
  finishChunk(turn, chunk)
}

function finishChunk(turn: Turn, chunk: HubChunk): void {
  if (chunk.durable_count < chunk.count) return
  invariant(chunk.runs.size === 0, 'nothing is open in a chunk that is done')
  forgetChunk(chunk)
  turn.effects.push({ t: 'chunk.done', job_id: chunk.job.id, chunk: chunk.number, epoch: chunk.epoch })
}
