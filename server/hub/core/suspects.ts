import { HUB } from './limits.ts'
import { completeJob } from './looks.ts'
import type { HubJob, HubState, ShardSpan } from './state.ts'
import type { Turn } from './turn.ts'

/**
 * Backtracking. What an agent gave alone is accepted on the strength of its history; when it is found wrong, that history
 * is worth nothing, and everything of it that is not settled yet is executed again by the referee. Which shards those are
 * stands in the store, where the shell looks them up (`word.doubted`), so that nothing of it is kept here for each shard.
 * The job ends only after that; a shard that was wrong is replaced, and the fold is made again.
 */

/**
 * The shell has found that these shards rest on the word of agents who were found wrong, by whichever hub and in whichever
 * of its lives. The job ends after they have been executed again.
 */
export function doubt({ state }: Turn, job_id: string, spans: readonly Readonly<ShardSpan>[]): void {
  const job = state.jobs.get(job_id)
  if (job === undefined || spans.length === 0) return
  for (const { first, count } of spans) {
    job.suspects.push({ first, count })
    job.suspect_count += count
  }
  state.suspected.add(job)
}

/** The next suspects of one job for the referee, if there are any. */
export function askAgain(turn: Turn): boolean {
  const { state } = turn
  const [job] = state.suspected
  if (job === undefined) return false
  const room = Math.min(HUB.referee_shards, Math.floor(HUB.referee_units / Math.max(1, job.shard_units)))
  const shards = take(job.suspects, Math.max(1, room))
  if (job.suspects.length === 0) state.suspected.delete(job)
  const request = state.next_request++
  state.rechecking.set(request, { job, count: shards.length })
  turn.effects.push({ t: 'referee.recheck', request, job_id: job.id, shards })
  return true
}

function take(spans: ShardSpan[], room: number): readonly number[] {
  const shards: number[] = []
  for (let span = spans.at(-1); span !== undefined && shards.length < room; span = spans.at(-1)) {
    const count = Math.min(span.count, room - shards.length)
    for (let offset = 0; offset < count; offset++) shards.push(span.first + offset)
    span.first += count
    span.count -= count
    if (span.count === 0) spans.pop()
  }
  return shards.sort((a, b) => a - b)
}

export function finishRecheck(turn: Turn, request: number): void {
  const asked = turn.state.rechecking.get(request)
  // The job has ended meanwhile.
  if (asked === undefined) return
  turn.state.rechecking.delete(request)
  asked.job.suspect_count -= asked.count
  if (asked.job.isDrained) completeJob(turn, asked.job)
}

export function forgetSuspects(state: HubState, job: HubJob): void {
  state.suspected.delete(job)
  for (const [request, asked] of state.rechecking) if (asked.job === job) state.rechecking.delete(request)
}
