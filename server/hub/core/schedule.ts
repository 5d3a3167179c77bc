import { LIMITS } from '../../../kernel/limits.ts'
import { isFull, promise } from './back-pressure.ts'
import { drawCanary } from './canaries.ts'
import { claimAhead, claimForHungry } from './chunks.ts'
import { connectedFor, eligible, fitsTarget, listeningFor } from './fleet.ts'
import { nextHungry, setIdle, wakeFor } from './hungry.ts'
import { grantCanary, grantLease } from './leases.ts'
import { HUB } from './limits.ts'
import { localJobs } from './locality.ts'
import { leaseEnd, openEnd } from './looks.ts'
import { fits, kindOf } from './offers.ts'
import { dequeue, enqueue, newRun, splitOff } from './runs.ts'
import type { HubJob, HubSession, HubState, KindMask, Run } from './state.ts'
import type { Turn } from './turn.ts'
import { hasTurns, hasWork, inTurn, withdrawJob } from './turns.ts'
import { excludesSubmitter, plannedCopies } from './verify-policy.ts'
import { areApart, isApart } from './voices.ts'

/**
 * Which shards an agent gets next. Rules:
 * - A shard is never leased twice to one owner or into one known network (voices.ts), and under verification never to its
 *   submitter's own agents.
 * - A lease never crosses a look of a job with a target (looks.ts).
 * - An agent meets only jobs that it can do and whose cause its contributor has chosen (offers.ts).
 * - Owners take turns by the work that the network has done for them, then each owner's jobs by theirs over their weights;
 *   a job waits for its `min_agents`, never has more than its `max_agents`, and gets none while it is paused. An agent
 *   stays with a job whose operands it has for a bounded time (locality.ts).
 * - In the place of work an agent is sometimes asked what is known (canaries.ts).
 * - Inside a job an agent first completes what another kind of executor has begun: agreement of two kinds says more
 *   than of two alike, and completing frees memory. Then it completes what its own kind has begun, but only when nobody
 *   of another kind can be expected soon, or too much waits. Then it opens untouched shards. Last, near the end of a job,
 *   it repeats what a slow agent has promised: whoever is first closes it.
 */

/** Gives every hungry agent the next lease, the emptiest hands first. */
export function assign(turn: Turn): void {
  const { state } = turn
  if (state.isDraining || !hasTurns(state)) return
  for (let session = nextHungry(state); session !== undefined; session = nextHungry(state)) {
    const choice = chooseWork(turn, session)
    if (choice === undefined) setIdle(session)
    else take(turn, session, choice)
  }
}

interface Choice {
  readonly job: HubJob
  /** A run that somebody has begun; undefined for untouched shards. */
  readonly run: Run | undefined
}

function chooseWork(turn: Turn, session: HubSession): Choice | undefined {
  const { state } = turn
  const over: HubJob[] = []
  let choice: Choice | undefined
  search: for (const share of inTurn(state, session.offer)) {
    for (const job of share.jobs) {
      if (!hasWork(job)) over.push(job)
      else if (mayWorkFor(state, job, session)) {
        choice = chooseInJob(state, job, session)
        if (choice !== undefined) break search
        if (!isFull(state, job)) claimForHungry(turn, job)
      }
    }
  }
  for (const job of over) withdrawJob(state, job)
  return choice === undefined ? undefined : (stay(state, session, choice.job) ?? choice)
}

/** Work of a job whose operands the agent has, although it is another's turn. */
function stay(state: HubState, session: HubSession, due: HubJob): Choice | undefined {
  for (const job of localJobs(state, session, due)) {
    const choice = mayWorkFor(state, job, session) ? chooseInJob(state, job, session) : undefined
    if (choice !== undefined) return choice
  }
  return undefined
}

function mayWorkFor(state: HubState, job: HubJob, session: HubSession): boolean {
  return (
    fits(job, session.offer) &&
    !(excludesSubmitter(job.verify) && session.owner === job.owner) &&
    (job.workers.size < job.max_agents || job.workers.has(session.agent.id)) &&
    (job.min_agents === 1 || connectedFor(state, job) + job.connected_elsewhere >= job.min_agents)
  )
}

function chooseInJob(state: HubState, job: HubJob, session: HubSession): Choice | undefined {
  const alike: KindMask = kindOf(session.executor) === 'gpu' ? 2 : 1
  const others: readonly KindMask[] = alike === 2 ? [1, 3] : [2, 3]
  const may = (voices: readonly string[]): boolean => isApart(voices, session)
  for (const kinds of others) {
    const run = job.waiting[kinds].first(may)
    if (run !== undefined) return { job, run }
  }
  const full = isFull(state, job)
  if (full) job.isHeldBack = true
  const begun = job.waiting[alike].first(may)
  if (begun !== undefined && (full || !otherKindComes(state, job, begun, alike))) return { job, run: begun }
  const fresh = full ? undefined : job.fresh.first
  if (fresh !== undefined && fresh < openEnd(job)) return { job, run: undefined }
  return straggler(state, job, session)
}

/** Whether agents of the other kind, who may have this run, will get through what waits in the time that diversity is worth. */
function otherKindComes(state: HubState, job: HubJob, run: Run, alike: KindMask): boolean {
  const kind = alike === 2 ? 'cpu' : 'gpu'
  if (!fitsTarget(job, kind)) return false
  const { unknown, units_per_ms } = eligible(state, job, run, kind)
  const waiting_units = job.waiting_shards[alike] * job.shard_units
  return unknown > 0 || (units_per_ms > 0 && waiting_units / units_per_ms <= HUB.diversity_backlog_ms)
}

/** Near the job's end: a promise that is overdue by its agent's own speed. */
function straggler(state: HubState, job: HubJob, session: HubSession): Choice | undefined {
  if (!job.isExhausted || job.fresh_count > 0 || !session.speed_measured) return undefined
  let looked = 0
  for (const run of job.flying) {
    if (looked++ >= HUB.straggler_candidates) return undefined
    if (run.copies.length > run.wanted || state.now_ms < run.straggles_ms) continue
    if (!run.copies.every((copy) => areApart(copy, session))) continue
    return { job, run }
  }
  return undefined
}

function take(turn: Turn, session: HubSession, { job, run }: Choice): void {
  const { state } = turn
  const size = leaseSize(state, job, session)
  const canary = drawCanary(state, job, session, Math.min(size, run?.count ?? size))
  if (canary !== undefined) {
    grantCanary(turn, session, job, canary)
    // What it would have got waits for somebody else.
    if (run?.queued !== undefined) wakeFor(state, job, run)
    return
  }
  if (run !== undefined) {
    dequeue(run)
    if (size >= run.count) {
      grantLease(turn, session, run)
      return
    }
    const part = splitOff(state, run, size)
    enqueue(state, run)
    grantLease(turn, session, part)
    return
  }
  const first = job.fresh.first ?? 0
  const range = job.fresh.take(Math.min(size, leaseEnd(job, first) - first))
  if (range === undefined) {
    job.fresh_count = 0
    return
  }
  job.fresh_count -= range.count
  promise(state, grantLease(turn, session, newRun(range.chunk, range.first, range.count)))
  claimAhead(turn, job, range.count)
}

/** Shards for one lease: the agent's own pace, less near the end of the job, or of what a look covers, so that all finish together. */
function leaseSize(state: HubState, job: HubJob, session: HubSession): number {
  const message_cap = job.inline_leaves
    ? Math.floor(LIMITS.lease_inline_bytes / Math.max(1, job.leaf_max_bytes))
    : HUB.lease_blobs
  const pace =
    session.speed === undefined
      ? HUB.first_lease_shards
      : Math.floor((session.speed * session.pace_share * HUB.lease_target_ms) / Math.max(1, job.shard_units))
  const first = session.speed_measured ? Number.POSITIVE_INFINITY : HUB.first_lease_shards
  return Math.max(1, Math.min(pace, first, share(state, job), message_cap, state.options.lease_shards))
}

function share(state: HubState, job: HubJob): number {
  const end = openEnd(job)
  if (!job.isExhausted && end === job.shard_count) return Number.POSITIVE_INFINITY
  const fresh = Math.min(job.fresh_count, Math.max(0, end - (job.fresh.first ?? end)))
  const copies = job.missing_copies + fresh * plannedCopies(job.verify)
  return Math.max(1, Math.ceil(copies / (2 * Math.max(1, listeningFor(state, job)))))
}
