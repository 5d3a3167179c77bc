import { invariant } from '../../../kernel/errors.ts'
import { forgetOverdue } from './back-pressure.ts'
import { distrustAgent } from './blocking.ts'
import { chunksAvailable, extendChunk, loseChunk, receiveChunks, shardsDurable } from './chunks.ts'
import type { HubEffect, HubEvent } from './events.ts'
import { wakeMany } from './hungry.ts'
import { admitJob, drainJob, endJob, moveOwner, pauseJob, resumeJob, setElsewhere, weighJob } from './jobs.ts'
import { dropLease, missDeadline } from './leases.ts'
import { HUB } from './limits.ts'
import { passLooks, stopJob } from './looks.ts'
import { applyChecks, applyReferee, askReferee, lookAfter } from './refereeing.ts'
import { assign } from './schedule.ts'
import { dropSession, endSession, joinSession, startListening, stopListening } from './sessions.ts'
import type { Deadline, HubState } from './state.ts'
import { doubt, finishRecheck } from './suspects.ts'
import { persistAccepted, sendTo, type Turn } from './turn.ts'
import { hasTurns } from './turns.ts'
import { receiveResult, refuseResult } from './verdict.ts'

/**
 * The hub's decisions, as a pure state machine: no clock, no randomness, no I/O. Time comes with each event as
 * milliseconds of a monotonic clock. The state handed in is used up: it is changed in place.
 *
 * Rules that hold after every step:
 * - each shard of an owned chunk is fresh, in exactly one run, or accepted;
 * - an accepted shard was closed by as many agreeing owners as its policy asks for or by the referee, never by arrival
 *   order;
 * - every copy that is promised belongs to a lease in `leases`, every lease to a live session, and it has a run or is a
 *   canary;
 * - a paused job gets no lease, and nobody one of a job that he cannot do or whose cause he has not chosen.
 */
export function step(state: HubState, event: HubEvent, now_ms: number): readonly HubEffect[] {
  invariant(now_ms >= state.now_ms, 'time does not run backwards')
  state.now_ms = now_ms
  const turn: Turn = { state, effects: [], accepted: undefined, passed: undefined }
  handle(turn, event)
  persistAccepted(turn)
  assign(turn)
  askReferee(turn)
  return turn.effects
}

function handle(turn: Turn, event: HubEvent): void {
  switch (event.t) {
    case 'job.admitted':
      admitJob(turn, event.job)
      return
    case 'job.cancelled':
      endJob(turn, event.job_id, 'cancelled')
      return
    case 'job.elsewhere':
      setElsewhere(turn, event.job_id, event.connected)
      return
    case 'job.doubted':
      doubt(turn, event.job_id, event.spans)
      return
    case 'agent.distrusted':
      distrustAgent(turn, event)
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
    case 'job.paused':
      pauseJob(turn, event.job_id)
      return
    case 'job.resumed':
      resumeJob(turn, event.job_id)
      return
    case 'job.weighed':
      weighJob(turn, event.job_id, event.weight)
      return
    case 'job.looked':
      passLooks(turn, event.job_id, event.passed)
      return
    case 'job.stopped':
      stopJob(turn, event.job_id, event.at_shard)
      return
    case 'chunks.claimed':
      receiveChunks(turn, event)
      return
    case 'chunks.available':
      chunksAvailable(turn, event.job_id)
      return
    case 'chunk.lost':
      loseChunk(turn, event)
      return
    case 'job.drained':
      drainJob(turn, event.job_id)
      return
    case 'session.joined':
      joinSession(turn, event)
      return
    case 'session.listening':
      startListening(turn, event.session, event.after_lease)
      return
    case 'session.silent':
      stopListening(turn, event.session)
      return
    case 'session.ended':
      endSession(turn, event.session, event.reason)
      return
    case 'lease.released':
      for (const id of event.lease_ids) {
        const lease = turn.state.leases.get(id)
        if (lease?.session.id === event.session) dropLease(turn, lease)
      }
      return
    case 'result.received':
      receiveResult(turn, event)
      return
    case 'result.invalid':
      refuseResult(turn, event.session, event.lease_id, event.reason)
      return
    case 'referee.done':
      applyReferee(turn, event)
      return
    case 'referee.checked':
      applyChecks(turn, event)
      return
    case 'referee.rechecked':
      finishRecheck(turn, event.request)
      return
    case 'committed':
      for (const { session, lease_id, shards } of event.credits)
        if (turn.state.sessions.has(session)) sendTo(turn, session, { t: 'accepted', lease_id, shards })
      shardsDurable(turn, event)
      return
    case 'hub.draining':
      turn.state.isDraining = true
      for (const session of turn.state.sessions.keys())
        sendTo(turn, session, { t: 'draining', to: [...event.to] })
      return
    case 'tick':
      for (const deadline of turn.state.timers.due(turn.state.now_ms)) fire(turn, deadline)
      forgetOverdue(turn.state)
      if (hasTurns(turn.state)) wakeMany(turn.state, undefined, HUB.wake_per_tick)
      return
    default:
      event satisfies never
  }
}

function fire(turn: Turn, deadline: Deadline): void {
  switch (deadline.t) {
    // One deadline may have ended what another was set for.
    case 'lease':
      if (turn.state.leases.has(deadline.lease.id)) missDeadline(turn, deadline.lease)
      return
    case 'session':
      if (turn.state.sessions.has(deadline.session.id) && !deadline.session.listening)
        dropSession(turn, deadline.session, 'the connection was lost')
      return
    case 'job':
      endJob(turn, deadline.job.id, 'timed_out')
      return
    case 'run':
      lookAfter(turn, deadline.run)
      return
    case 'chunk':
      if (deadline.chunk.isOwned) extendChunk(turn, deadline.chunk, deadline.lease_ms)
      return
    default:
      deadline satisfies never
  }
}
