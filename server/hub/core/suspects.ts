import type { ExecutorKind } from '../../../kernel/receipt.ts'
import { HUB } from './limits.ts'
import { completeJob } from './looks.ts'
import type { HubJob, HubState, ShardSpan } from './state.ts'
import type { Turn } from './turn.ts'

/**
 * Backtracking. What an agent gave alone is accepted on the strength of its history; when it is found wrong, that history
 * is worth nothing, and everything of it that is not settled yet is executed again by the referee. The job ends only after
 * that; a shard that was wrong is replaced, and the fold is made again.
 */

const keyOf = (agent: string, executor: ExecutorKind): string => `${agent} ${executor}`

/** These shards rest on one agent's word. */
export function noteSingle(
  job: HubJob,
  agent: string,
  executor: ExecutorKind,
  first: number,
  count: number,
): void {
  const key = keyOf(agent, executor)
  const spans = job.singles.get(key)
  const last = spans?.at(-1)
  if (spans === undefined) job.singles.set(key, [{ first, count }])
  else if (last !== undefined && last.first + last.count === first) last.count += count
  else spans.push({ first, count })
}

/** An agent was found wrong: what it gave alone is to be executed again, in every job that has not ended. */
export function suspect(state: HubState, agent: string, executor: ExecutorKind): void {
  for (const job of state.jobs.values()) {
    const spans = job.singles.get(keyOf(agent, executor))
    // A job whose result is being stored is past it.
    if (spans === undefined || (job.isDrained && job.suspect_count === 0)) continue
    job.singles.delete(keyOf(agent, executor))
    addSuspects(state, job, spans)
  }
}

/** These shards are to be executed again before the job ends. */
export function addSuspects(state: HubState, job: HubJob, spans: readonly ShardSpan[]): void {
  for (const { first, count } of spans) {
    job.suspects.push({ first, count })
    job.suspect_count += count
  }
  if (spans.length > 0) state.suspected.add(job)
}

/**
 * The shell has found, before it stores the result, that these shards rest on the word of agents who were found wrong, by
 * whichever hub and in whichever of its lives. The job ends after they have been executed again.
 */
export function doubt(turn: Turn, job_id: string, spans: readonly Readonly<ShardSpan>[]): void {
  const job = turn.state.jobs.get(job_id)
  if (job !== undefined) addSuspects(turn.state, job, spans)
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
