import { invariant } from '../../../kernel/errors.ts'
import { forgetPromise } from './back-pressure.ts'
import { recount } from './fleet.ts'
import { seat } from './hungry.ts'
import { HUB } from './limits.ts'
import { noteLocal } from './locality.ts'
import { dropCopies, enqueue } from './runs.ts'
import { SmallSet } from './small-set.ts'
import type { Canary, HubJob, HubLease, HubSession, HubState, Run } from './state.ts'
import { movePhase, sendTo, type Turn, updatePhase } from './turn.ts'
import { serveJob } from './turns.ts'
import { voicesOf } from './voices.ts'

/** Leases: promising a run's shards to an agent, and taking promises back. */

/** Promises all of a run, which stands in no queue, to an agent, and tells it. */
export function grantLease(turn: Turn, session: HubSession, run: Run): HubLease {
  const { state } = turn
  const { job } = run.chunk
  const { first, count } = run
  const lease = openLease(state, session, job, { first, count })
  lease.runs.add(run)
  run.copies = [
    ...run.copies,
    {
      lease_id: lease.id,
      session: session.id,
      agent: session.agent.id,
      owner: session.owner,
      network: session.network,
      executor: session.executor,
      digests: undefined,
      leaves: undefined,
    },
  ]
  run.promised_ms = state.now_ms
  run.straggles_ms =
    state.now_ms +
    Math.max(
      HUB.straggler_min_ms,
      HUB.straggler_factor * expectedMs(session, job, count) * (1 + session.held.size),
    )
  session.agent.runs.add(run)
  holdLease(state, lease)
  serveJob(state, job, count * job.shard_units)
  enqueue(state, run)
  movePhase(turn, job, 'leased')
  updatePhase(turn, job)
  offerLease(turn, lease)
  return lease
}

/** Asks an agent for what is known. It counts for nobody's turn: the network pays. */
export function grantCanary(
  turn: Turn,
  session: HubSession,
  job: HubJob,
  { first, count, ...canary }: Canary & { readonly first: number; readonly count: number },
): void {
  for (const voice of voicesOf(session)) canary.known.voices.add(voice)
  const lease = openLease(turn.state, session, job, { first, count, canary })
  job.canaries.add(lease)
  holdLease(turn.state, lease)
  offerLease(turn, lease)
}

function openLease(
  state: HubState,
  session: HubSession,
  job: HubJob,
  { first, count, canary }: { readonly first: number; readonly count: number; readonly canary?: Canary },
): HubLease {
  const number = state.next_lease++
  const wait_ms = expectedMs(session, job, count) * HUB.deadline_factor * session.window
  const lease: HubLease = {
    id: `${state.epoch}-${number}`,
    number,
    job,
    session,
    first,
    count,
    granted_ms: state.now_ms,
    deadline_ms: state.now_ms + Math.round(Math.max(HUB.deadline_min_ms, wait_ms)),
    timer: undefined,
    runs: new SmallSet(),
    canary,
    before: undefined,
    after: undefined,
    list: undefined,
  }
  lease.timer = state.timers.set(lease.deadline_ms, { t: 'lease', lease })
  state.leases.set(lease.id, lease)
  return lease
}

function expectedMs({ speed }: HubSession, job: HubJob, count: number): number {
  return speed === undefined ? 0 : (count * job.shard_units) / speed
}

/** Puts a lease on its session's and its job's books. */
function holdLease(state: HubState, lease: HubLease): void {
  const { session, job } = lease
  session.held.add(lease)
  job.leases++
  job.workers.set(session.agent.id, (job.workers.get(session.agent.id) ?? 0) + 1)
  noteLocal(session, job)
  const end = lease.first + lease.count
  if (session.reached?.job !== job) session.reached = { job, end }
  else session.reached.end = Math.max(session.reached.end, end)
  seat(state, session)
}

/** Tells the agent of a lease that it holds. */
export function offerLease(turn: Turn, lease: HubLease): void {
  sendTo(
    turn,
    lease.session.id,
    {
      t: 'lease',
      lease_id: lease.id,
      epoch: turn.state.epoch,
      job_id: lease.job.id,
      contract_hash: lease.job.contract_hash,
      plan_digest: lease.job.plan_digest,
      first: lease.first,
      count: lease.count,
      deadline_ms: Math.max(0, Math.floor(lease.deadline_ms - turn.state.now_ms)),
    },
    lease.number,
  )
}

/** Takes a lease off the books; its copies stay as they are. */
export function forgetLease(turn: Turn, lease: HubLease): void {
  const { state } = turn
  const { job, session } = lease
  invariant(state.leases.delete(lease.id), 'a lease ends once')
  lease.timer?.cancel()
  forgetPromise(lease)
  session.held.delete(lease)
  job.canaries.delete(lease)
  seat(state, session)
  job.leases--
  const left = (job.workers.get(session.agent.id) ?? 0) - 1
  if (left > 0) job.workers.set(session.agent.id, left)
  else job.workers.delete(session.agent.id)
}

/** Takes a lease back: what nobody else has begun is untouched again. */
export function dropLease(turn: Turn, lease: HubLease): void {
  forgetLease(turn, lease)
  for (const run of [...lease.runs]) dropCopies(turn.state, run, (copy) => copy.lease_id === lease.id)
  updatePhase(turn, lease.job)
}

/** Tells the agent of a lease that is over. */
export function sayCancelled(turn: Turn, lease: HubLease, reason: string): void {
  sendTo(turn, lease.session.id, { t: 'cancel', lease_id: lease.id, reason })
}

/** The agent has not answered in time: it is slower, or less reliable, than it seemed. */
export function missDeadline(turn: Turn, lease: HubLease): void {
  const { session } = lease
  if (session.speed !== undefined) session.speed /= 2
  session.pace_share = Math.max(HUB.pace_share_min, session.pace_share / 2)
  recount(turn.state, session)
  dropLease(turn, lease)
  sayCancelled(turn, lease, 'the deadline has passed')
}

/** Ends canaries of a job that is over, or of an owner who may not work for it any more. */
export function cancelCanaries(turn: Turn, job: HubJob, reason: string, owner?: string): void {
  for (const lease of [...job.canaries]) {
    if (owner !== undefined && lease.session.owner !== owner) continue
    forgetLease(turn, lease)
    sayCancelled(turn, lease, reason)
  }
}
