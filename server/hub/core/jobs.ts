import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { claimAhead, closeChunk, dropRuns, forgetChunk } from './chunks.ts'
import type { AdmittedJob } from './events.ts'
import { wakeMany } from './hungry.ts'
import { cancelCanaries, dropLease, sayCancelled } from './leases.ts'
import { isFinal, type JobTrigger } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { LinkedList } from './linked-list.ts'
import { completeJob } from './looks.ts'
import { memoryLog2 } from './offers.ts'
import { RangeHeap } from './range-heap.ts'
import { dropCopies } from './runs.ts'
import type { HubJob } from './state.ts'
import { forgetSuspects } from './suspects.ts'
import { movePhase, type Turn, updatePhase } from './turn.ts'
import { countJob, hasWork, laneOf, offerJob, uncountJob, withdrawJob } from './turns.ts'
import { excludesSubmitter } from './verify-policy.ts'
import { VoiceQueues } from './voice-queues.ts'
import { withhold } from './withheld.ts'

/** Jobs: they come with nothing but their plan, claim chunks, and end. */

export function admitJob(turn: Turn, admitted: AdmittedJob): void {
  const { state } = turn
  if (state.jobs.has(admitted.id)) return
  const { expires_ms, memory_bytes = 0, operands = [], isPaused = false, ...known } = admitted
  const memory_log2 = memoryLog2(memory_bytes)
  const job: HubJob = {
    ...known,
    memory_log2,
    lane: laneOf(state, { ...known, memory_log2 }),
    operands,
    isPaused,
    resumed_ms: state.now_ms,
    known: [],
    known_next: 0,
    canaries: new Set(),
    order: state.next_order++,
    served: 0,
    timer: undefined,
    chunks: new Map(),
    fresh: new RangeHeap(),
    fresh_count: 0,
    waiting: { 1: new VoiceQueues(), 2: new VoiceQueues(), 3: new VoiceQueues() },
    waiting_shards: { 1: 0, 2: 0, 3: 0 },
    missing_copies: 0,
    flying: new LinkedList(),
    touched_count: 0,
    pending_bytes: 0,
    unstored_count: 0,
    promised_count: 0,
    held_ms: 0,
    stored_count: 0,
    stored_since_ms: state.now_ms,
    stored_per_ms: 0,
    isHeldBack: false,
    connected_elsewhere: 0,
    workers: new Map(),
    leases: 0,
    granted_count: 0,
    granted_since_ms: state.now_ms,
    granted_per_s: 0,
    chunk_shards: 0,
    isClaiming: false,
    suspects: [],
    suspect_count: 0,
    isDrained: false,
    findings: NO_FINDINGS,
    isExhausted: false,
  }
  job.timer = state.timers.set(expires_ms, { t: 'job', job })
  state.jobs.set(job.id, job)
  countJob(state, job)
  if (job.stopped_at !== undefined) {
    completeJob(turn, job)
    return
  }
  offerJob(state, job)
  claimAhead(turn, job)
}

/** Every chunk is done: the job is complete. */
export function drainJob(turn: Turn, job_id: string): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined || isFinal(job.phase) || job.stopped_at !== undefined) return
  // A claim that had ended without this hub's knowledge: others have done the chunk.
  for (const chunk of [...job.chunks.values()]) closeChunk(turn, chunk)
  job.isExhausted = true
  completeJob(turn, job)
}

/** Moves a job into a final phase, stops its leases and forgets it. */
export function endJob(turn: Turn, job_id: string, trigger: JobTrigger, failure?: ForgeErrorJson): void {
  const { state } = turn
  const job = state.jobs.get(job_id)
  if (job === undefined) return
  movePhase(turn, job, trigger, failure)
  if (!isFinal(job.phase)) return
  for (const chunk of [...job.chunks.values()]) {
    dropRuns(turn, chunk, `the job is ${job.phase}`)
    forgetChunk(chunk)
  }
  for (const [request, items] of state.refereeing)
    if (items[0]?.run.chunk.job === job) state.refereeing.delete(request)
  cancelCanaries(turn, job, `the job is ${job.phase}`)
  forgetSuspects(state, job)
  withdrawJob(state, job)
  uncountJob(state, job)
  job.timer?.cancel()
  state.jobs.delete(job_id)
}

/** No new leases; those under way finish, what comes back is verified, and the time limit goes on. */
export function pauseJob(turn: Turn, job_id: string): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined || job.isPaused) return
  job.isPaused = true
  withdrawJob(turn.state, job)
}

export function resumeJob(turn: Turn, job_id: string): void {
  const { state } = turn
  const job = state.jobs.get(job_id)
  if (job === undefined || !job.isPaused) return
  job.isPaused = false
  job.resumed_ms = state.now_ms
  if (!hasWork(job)) return
  offerJob(state, job)
  claimAhead(turn, job)
  wakeMany(state, job, job.fresh_count + job.missing_copies)
}

/** What it was served before stays: only its part from now on changes. */
export function weighJob(turn: Turn, job_id: string, weight: number): void {
  const job = turn.state.jobs.get(job_id)
  if (job !== undefined) job.weight = weight
}

/** How many agents other hubs have for the job: with those here they may be as many as it waits for. */
export function setElsewhere(turn: Turn, job_id: string, connected: number): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined || job.connected_elsewhere === connected) return
  const isMore = connected > job.connected_elsewhere
  job.connected_elsewhere = connected
  if (isMore && hasWork(job)) wakeMany(turn.state, job, HUB.wake_per_tick)
}

/**
 * The new owner's own agents may have begun copies while he was somebody else: under verification they count no more, and
 * are done again by others.
 */
export function moveOwner(turn: Turn, from: string, to: string): void {
  const { state } = turn
  for (const job of state.jobs.values()) {
    if (job.owner !== from) continue
    withdrawJob(state, job)
    uncountJob(state, job)
    job.owner = to
    job.lane = laneOf(state, job)
    countJob(state, job)
    if (hasWork(job)) offerJob(state, job)
    if (!excludesSubmitter(job.verify)) continue
    cancelCanaries(turn, job, 'the job is your own now', to)
    for (const chunk of job.chunks.values()) {
      for (const run of [...chunk.runs]) {
        for (const copy of run.copies) {
          const lease = copy.owner === to ? state.leases.get(copy.lease_id) : undefined
          if (lease === undefined) continue
          sayCancelled(turn, lease, 'the job is your own now')
          dropLease(turn, lease)
        }
        for (const copy of run.copies) if (copy.owner === to) withhold(turn, run, copy)
        dropCopies(state, run, (copy) => copy.owner === to)
      }
    }
    updatePhase(turn, job)
  }
}
