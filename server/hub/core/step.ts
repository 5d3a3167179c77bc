import { type ForgeErrorJson, invariant } from '../../../kernel/errors.ts'
import { isFinal, type JobTrigger } from './lifecycle.ts'
import { HUB } from './limits.ts'
import { cancelLeases, completeJob, passLooks, stopJob } from './looks.ts'
import { chooseWork, leaseDuration, someoneMay } from './schedule.ts'
import { openSegments, type Segment, SegmentList } from './segments.ts'
import type { Credit, HubEffect, HubEvent, HubJob, HubLease, HubSession, HubState, Step } from './state.ts'
import { dropLease, leaseNumber, movePhase, offerLease, sendTo, type Turn, updatePhase } from './turn.ts'
import { applyReferee, receiveResult, refuseResult } from './verdict.ts'

/**
 * The hub's decisions, as a pure state machine: no clock, no randomness, no I/O. Time comes with each event as
 * milliseconds of a monotonic clock. The state handed in is used up: it is changed in place and handed back.
 *
 * Rules that hold after every step:
 * - each shard of a job is either accepted or in exactly one open segment;
 * - an accepted shard was closed by `copies_needed` agreeing owners or by the referee, never by arrival order;
 * - every copy that a lease promises belongs to a lease in `leases`, and every lease to a live session.
 */
export function step(state: HubState, event: HubEvent, now_ms: number): Step {
  invariant(now_ms >= state.now_ms, 'time does not run backwards')
  state.now_ms = now_ms
  const effects: HubEffect[] = []
  const turn: Turn = { state, effects }
  handle(turn, event)
  assign(turn)
  askReferee(turn)
  return { state, effects }
}

function handle(turn: Turn, event: HubEvent): void {
  switch (event.t) {
    case 'job.admitted':
      admitJob(turn, event.job)
      return
    case 'job.cancelled':
      endJob(turn, event.job_id, 'cancelled')
      return
    case 'owner.moved':
      moveOwner(turn, event.from, event.to)
      return
    case 'job.broken':
      endJob(turn, event.job_id, 'broken', event.failure)
      return
    case 'job.settled':
      endJob(turn, event.job_id, 'completed')
      return
    case 'job.looked':
      passLooks(turn, event.job_id, event.passed)
      return
    case 'job.stopped':
      stopJob(turn, event.job_id, event.at_shard)
      return
    case 'session.joined':
      joinSession(turn, event.session, event.claimed_speed)
      return
    case 'session.listening':
      startListening(turn, event.session, event.after_lease)
      return
    case 'session.silent':
      stopListening(turn, event.session)
      return
    case 'session.ended':
      if (!turn.state.sessions.has(event.session)) return
      sendTo(turn, event.session, { t: 'ended', reason: event.reason.slice(0, 200) })
      dropSession(turn, event.session, event.reason)
      return
    case 'lease.released':
      for (const id of event.lease_ids) {
        if (turn.state.leases.get(id)?.session === event.session) dropLease(turn, id)
      }
      return
    case 'result.received':
      receiveResult(turn, event)
      return
    case 'result.invalid':
      refuseResult(turn, event.session, event.lease_id, event.reason)
      return
    case 'referee.done':
      applyReferee(turn, event.job_id, event.shard, event.digest, event.leaf)
      return
    case 'committed':
      afterCommit(turn, event.job_id, event.shard_count, event.credits)
      return
    case 'tick':
      onTick(turn)
      return
    default:
      event satisfies never
  }
}

/** Gives every listening agent with room in its window the next lease, the emptiest hands first. */
function assign(turn: Turn): void {
  if (![...turn.state.jobs.values()].some((job) => !isFinal(job.phase) && job.segments.length > 0)) return
  const hungry = [...turn.state.sessions.values()].filter(
    (session) =>
      session.listening && session.held.size < session.window && !turn.state.blocked.has(session.agent),
  )
  for (
    let held = 0;
    hungry.some((session) => session.held.size <= held && session.held.size < session.window);
    held++
  ) {
    for (const session of hungry) {
      if (session.held.size === held && session.held.size < session.window) grantLease(turn, session)
    }
    if (held > 8) break
  }
}

/** Fills the referee's hands with shards that only it can close: disputes, and copies that no owner will give. */
function askReferee(turn: Turn): void {
  let busy = 0
  for (const job of turn.state.jobs.values()) busy += job.refereeing.size
  for (const job of turn.state.jobs.values()) {
    if (isFinal(job.phase)) continue
    for (const segment of job.segments.all) {
      if (busy >= HUB.referee_in_flight) return
      if (!segment.disputed && !isStranded(turn, job, segment)) continue
      for (
        let shard = segment.first;
        shard < segment.first + segment.count && busy < HUB.referee_in_flight;
        shard++
      ) {
        if (job.refereeing.has(shard)) continue
        job.refereeing.add(shard)
        busy++
        turn.effects.push({ t: 'referee.run', job_id: job.id, shard })
      }
    }
  }
}

/** A copy is back, and another will not come: nobody connected may give it, or nobody has for long. */
function isStranded(turn: Turn, job: HubJob, segment: Segment): boolean {
  if (segment.returned_ms === undefined) return false
  const waited_ms = turn.state.now_ms - segment.returned_ms
  if (waited_ms >= HUB.overdue_copy_ms) return true
  return (
    waited_ms >= HUB.second_owner_wait_ms &&
    segment.copies.length < job.copies_needed &&
    segment.copies.every((copy) => copy.digests !== undefined) &&
    !someoneMay(turn.state, job, segment)
  )
}

/**
 * The new owner's own agents may have begun copies while he was somebody else: under a quorum they count no more, and are
 * done again by others.
 */
function moveOwner(turn: Turn, from: string, to: string): void {
  for (const job of turn.state.jobs.values()) {
    if (job.owner !== from) continue
    job.owner = to
    if (job.copies_needed === 1) continue
    for (const lease of [...turn.state.leases.values()]) {
      if (lease.job_id !== job.id || turn.state.sessions.get(lease.session)?.owner !== to) continue
      sendTo(turn, lease.session, { t: 'cancel', lease_id: lease.id, reason: 'the job is your own now' })
      dropLease(turn, lease.id)
    }
    job.segments.dropCopies((copy) => copy.owner === to)
    updatePhase(turn, job)
  }
}

function admitJob(turn: Turn, admitted: (HubEvent & { t: 'job.admitted' })['job']): void {
  if (turn.state.jobs.has(admitted.id)) return
  const accepted = new Uint8Array(Math.ceil(admitted.shard_count / 8))
  for (const shard of admitted.accepted)
    accepted[shard >> 3] = (accepted[shard >> 3] ?? 0) | (1 << (shard & 7))
  const isSet = (shard: number) => ((accepted[shard >> 3] ?? 0) & (1 << (shard & 7))) !== 0
  const { accepted: list, phase, ...facts } = admitted
  const job: HubJob = {
    ...facts,
    phase,
    order: turn.state.next_order++,
    segments: new SegmentList(
      admitted.stopped_at === undefined ? openSegments(admitted.shard_count, isSet) : [],
    ),
    accepted,
    accepted_count: list.length,
    durable_count: list.length,
    refereeing: new Set(),
    leases: 0,
  }
  turn.state.jobs.set(job.id, job)
  completeIfDone(turn, job)
}

function joinSession(
  turn: Turn,
  joined: (HubEvent & { t: 'session.joined' })['session'],
  claimed_speed: number | undefined,
): void {
  turn.state.sessions.set(joined.id, {
    ...joined,
    held: new Set(),
    speed: claimed_speed === undefined ? undefined : claimed_speed / 1000,
    speed_measured: false,
    listening: false,
    silent_since_ms: turn.state.now_ms,
    returned_ms: turn.state.now_ms,
  })
}

function startListening(turn: Turn, id: string, after_lease: number): void {
  const session = turn.state.sessions.get(id)
  if (session === undefined) return
  session.listening = true
  for (const lease_id of session.held) {
    const lease = turn.state.leases.get(lease_id)
    if (lease !== undefined && leaseNumber(lease.id) > after_lease) offerLease(turn, lease)
  }
}

function stopListening(turn: Turn, id: string): void {
  const session = turn.state.sessions.get(id)
  if (session === undefined) return
  session.listening = false
  session.silent_since_ms = turn.state.now_ms
}

/** Forgets a session; what it held is open again, what it returned stays. */
function dropSession(turn: Turn, id: string, reason: string): void {
  const session = turn.state.sessions.get(id)
  if (session === undefined) return
  for (const lease_id of [...session.held]) dropLease(turn, lease_id)
  turn.state.sessions.delete(id)
  turn.effects.push({ t: 'session.dropped', session: id, reason })
}

function grantLease(turn: Turn, session: HubSession): void {
  const choice = chooseWork(turn.state, session)
  if (choice === undefined) return
  const { job } = choice
  const number = turn.state.next_lease++
  const id = `${turn.state.epoch}-${number}`
  const leased = job.segments.lease(choice.index, choice.count, {
    lease_id: id,
    session: session.id,
    agent: session.agent,
    owner: session.owner,
    executor: session.executor,
    digests: undefined,
    leaves: undefined,
  })
  const lease: HubLease = {
    id,
    job_id: job.id,
    session: session.id,
    first: leased.first,
    count: leased.count,
    granted_ms: turn.state.now_ms,
    deadline_ms: turn.state.now_ms + leaseDuration(job, session, leased.count),
  }
  turn.state.leases.set(id, lease)
  session.held.add(id)
  job.leases++
  movePhase(turn, job, 'leased')
  updatePhase(turn, job)
  offerLease(turn, lease)
}

function afterCommit(turn: Turn, job_id: string, shard_count: number, credits: readonly Credit[]): void {
  for (const credit of credits) {
    if (turn.state.sessions.has(credit.session))
      sendTo(turn, credit.session, { t: 'accepted', lease_id: credit.lease_id, shards: credit.shards })
  }
  const job = turn.state.jobs.get(job_id)
  if (job === undefined) return
  job.durable_count += shard_count
  completeIfDone(turn, job)
}

function completeIfDone(turn: Turn, job: HubJob): void {
  invariant(
    job.durable_count <= job.accepted_count && job.accepted_count <= job.shard_count,
    'no shard is accepted twice',
  )
  const isDone = job.stopped_at !== undefined || job.durable_count === job.shard_count
  if (isDone && !isFinal(job.phase)) completeJob(turn, job)
}

function onTick(turn: Turn): void {
  const { now_ms } = turn.state
  for (const lease of [...turn.state.leases.values()]) {
    if (now_ms < lease.deadline_ms) continue
    const session = turn.state.sessions.get(lease.session)
    if (session?.speed !== undefined) session.speed /= 2
    dropLease(turn, lease.id)
    sendTo(turn, lease.session, { t: 'cancel', lease_id: lease.id, reason: 'the deadline has passed' })
  }
  for (const session of [...turn.state.sessions.values()]) {
    if (session.listening || now_ms - session.silent_since_ms < HUB.resume_grace_ms) continue
    dropSession(turn, session.id, 'the connection was lost')
  }
  for (const job of [...turn.state.jobs.values()]) {
    if (now_ms >= job.expires_ms) endJob(turn, job.id, 'timed_out')
  }
}

/** Moves a job into a final phase, stops its leases and forgets it. */
function endJob(turn: Turn, job_id: string, trigger: JobTrigger, failure?: ForgeErrorJson): void {
  const job = turn.state.jobs.get(job_id)
  if (job === undefined) return
  movePhase(turn, job, trigger, failure)
  if (!isFinal(job.phase)) return
  cancelLeases(turn, job, `the job is ${job.phase}`)
  turn.state.jobs.delete(job_id)
}
