import { type ForgeErrorJson, invariant } from '../../../kernel/errors.ts'
import type { HubMessage } from '../../../kernel/protocol.ts'
import { type JobTrigger, transition } from './lifecycle.ts'
import type { HubEffect, HubJob, HubLease, HubState } from './state.ts'

/** One step under way: the state, and what it has asked for so far. What every part of the core does stands here. */
export interface Turn {
  readonly state: HubState
  readonly effects: HubEffect[]
}

/**
 * Leases carry their own number, everything else the newest: a resumed agent names the last it saw, and gets exactly the
 * leases that it has not seen.
 */
export function sendTo(turn: Turn, session: string, message: HubMessage): void {
  const seq = message.t === 'lease' ? leaseNumber(message.lease_id) : turn.state.next_lease - 1
  turn.effects.push({ t: 'send', session, seq, message })
}

/** Applies a trigger to the job's lifecycle, and says so when the phase changes. */
export function movePhase(turn: Turn, job: HubJob, trigger: JobTrigger, failure?: ForgeErrorJson): void {
  const phase = transition(job.phase, trigger)
  if (phase === job.phase) return
  job.phase = phase
  turn.effects.push({
    t: 'job.phase',
    job_id: job.id,
    phase,
    ...(failure === undefined ? {} : { failure }),
  })
}

/** Running while a shard is untouched, verifying when none is. */
export function updatePhase(turn: Turn, job: HubJob): void {
  const untouched = job.segments.all.some((segment) => segment.copies.length === 0)
  movePhase(turn, job, untouched ? 'untouched_again' : 'all_touched')
}

/** Tells the agent of a lease that it holds. */
export function offerLease(turn: Turn, lease: HubLease): void {
  const job = turn.state.jobs.get(lease.job_id)
  if (job === undefined) return
  sendTo(turn, lease.session, {
    t: 'lease',
    lease_id: lease.id,
    epoch: turn.state.epoch,
    contract_hash: job.contract_hash,
    plan_digest: job.plan_digest,
    first: lease.first,
    count: lease.count,
    deadline_ms: Math.max(0, Math.floor(lease.deadline_ms - turn.state.now_ms)),
  })
}

/** Takes a lease off the books; its copies stay as they are. */
export function forgetLease(turn: Turn, lease: HubLease, job: HubJob): void {
  turn.state.leases.delete(lease.id)
  turn.state.sessions.get(lease.session)?.held.delete(lease.id)
  job.leases--
}

/** Takes a lease back: its shards are open again. */
export function dropLease(turn: Turn, id: string): void {
  const lease = turn.state.leases.get(id)
  if (lease === undefined) return
  const job = turn.state.jobs.get(lease.job_id)
  invariant(job !== undefined, 'a lease belongs to a live job')
  forgetLease(turn, lease, job)
  job.segments.dropCopies((copy) => copy.lease_id === id)
  updatePhase(turn, job)
}

/** The number in a lease's id `<epoch>-<number>`. */
export function leaseNumber(lease_id: string): number {
  return Number(lease_id.slice(lease_id.indexOf('-') + 1))
}
