import { invariant } from '../../../kernel/errors.ts'
import { dropRuns, forgetChunk } from './chunks.ts'
import { wakeMany } from './hungry.ts'
import { cancelCanaries } from './leases.ts'
import { HUB } from './limits.ts'
import type { HubJob } from './state.ts'
import { movePhase, type Turn } from './turn.ts'
import { withdrawJob } from './turns.ts'

/**
 * Jobs with a target. The shell folds durable shards, looks at each prefix of the schedule and says what it saw: the core
 * leases no further than a little beyond the next look, and forgets the rest of the plan once a look stops the job.
 */

/**
 * Shards from here on are not opened yet. Beyond the next look lies work that may turn out to be surplus, which the
 * network pays for: only a small part of what the look covers, so that agents are not idle while its last shards come in.
 */
export function openEnd(job: HubJob): number {
  const look = job.look_ends[job.looks_passed] ?? job.shard_count
  const next = job.look_ends[job.looks_passed + 1] ?? job.shard_count
  return Math.min(next, look + Math.floor(look / HUB.surplus_divisor))
}

/** Where a lease that begins at this shard must end: at the next look, and where nothing is open yet. */
export function leaseEnd(job: HubJob, first: number): number {
  const look = job.look_ends.find((end) => end > first) ?? job.shard_count
  return Math.min(look, openEnd(job))
}

/** The shell has looked at so many prefixes, and none of them stops the job. */
export function passLooks(turn: Turn, job_id: string, passed: number): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined || passed <= job.looks_passed) return
  const before = openEnd(job)
  job.looks_passed = passed
  wakeMany(turn.state, job, openEnd(job) - before)
}

/** A look stops the job: every shard before it is durable, and none after it counts. */
export function stopJob(turn: Turn, job_id: string, at_shard: number): void {
  const { state } = turn
  const job = state.jobs.get(job_id)
  if (job === undefined || job.stopped_at !== undefined) return
  const chunks = [...job.chunks.values()]
  invariant(job.look_ends.includes(at_shard), 'a job stops at a look')
  job.stopped_at = at_shard
  for (const chunk of chunks) {
    dropRuns(turn, chunk, 'the job has reached its target')
    forgetChunk(chunk)
  }
  job.fresh_count = 0
  job.isExhausted = true
  withdrawJob(state, job)
  completeJob(turn, job)
}

/**
 * Every shard that counts is durable: nothing is left to do but the result, when no shard is doubted any more. A job whose
 * first lease was never stored is running first.
 */
export function completeJob(turn: Turn, job: HubJob): void {
  job.isDrained = true
  cancelCanaries(turn, job, 'the job needs no more')
  if (job.suspect_count > 0) return
  movePhase(turn, job, 'leased')
  movePhase(turn, job, 'all_touched')
  turn.effects.push({ t: 'job.complete', job_id: job.id })
}
