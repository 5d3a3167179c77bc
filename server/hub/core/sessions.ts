import type { HubEvent } from './events.ts'
import { recount } from './fleet.ts'
import { seat } from './hungry.ts'
import { dropLease, offerLease } from './leases.ts'
import { HUB } from './limits.ts'
import { unlink } from './linked-list.ts'
import { offerOf } from './offers.ts'
import { SmallSet } from './small-set.ts'
import { claimedSpeed } from './speed.ts'
import type { HubAgent, HubJob, HubSession, HubState } from './state.ts'
import { sendTo, type Turn } from './turn.ts'

/** Sessions: an agent comes, listens, is cut off and resumes, or is gone. */

/** Of every session that has had no lease with operands. */
const NO_JOBS: readonly HubJob[] = []

export function joinSession(turn: Turn, event: HubEvent & { t: 'session.joined' }): void {
  const { state } = turn
  const { id, agent: agent_id, owner, executor, window } = event.session
  // Whoever lets it in again with a standing has heard of what it was blocked for.
  if (event.standing !== undefined) state.blocked.delete(agent_id)
  if (state.sessions.has(id) || state.blocked.has(agent_id)) return
  const agent = agentOf(state, agent_id)
  // Of one that is here already more is known than what was stored.
  if (event.standing !== undefined) agent.standings[executor] ??= event.standing
  const session: HubSession = {
    id,
    agent,
    owner,
    network: event.session.network,
    executor,
    offer: offerOf(state, event.session),
    window,
    local: NO_JOBS,
    reached: undefined,
    held: new SmallSet(),
    speed: event.claimed_speed === undefined ? undefined : claimedSpeed(event.claimed_speed),
    speed_measured: false,
    pace_share: 1,
    listening: false,
    returned_ms: 0,
    timer: undefined,
    counted: undefined,
    before: undefined,
    after: undefined,
    list: undefined,
  }
  agent.sessions.add(session)
  state.sessions.set(id, session)
  session.offer.sessions++
  armGrace(state, session)
  recount(state, session)
}

function agentOf(state: HubState, id: string): HubAgent {
  const known = state.agents.get(id)
  if (known !== undefined) return known
  const agent: HubAgent = {
    id,
    sessions: new SmallSet(),
    runs: new SmallSet(),
    standings: { webgpu: undefined, wasm: undefined, cpu: undefined },
  }
  state.agents.set(id, agent)
  return agent
}

function armGrace(state: HubState, session: HubSession): void {
  session.timer?.cancel()
  session.timer = state.timers.set(state.now_ms + HUB.resume_grace_ms, { t: 'session', session })
}

/** A resumed agent is told again of the leases that it has not seen. */
export function startListening(turn: Turn, id: string, after_lease: number): void {
  const session = turn.state.sessions.get(id)
  if (session === undefined) return
  session.timer?.cancel()
  session.timer = undefined
  session.listening = true
  recount(turn.state, session)
  seat(turn.state, session)
  for (const lease of session.held) if (lease.number > after_lease) offerLease(turn, lease)
}

export function stopListening(turn: Turn, id: string): void {
  const session = turn.state.sessions.get(id)
  if (session === undefined) return
  session.listening = false
  armGrace(turn.state, session)
  recount(turn.state, session)
  seat(turn.state, session)
}

export function endSession(turn: Turn, id: string, reason: string): void {
  const session = turn.state.sessions.get(id)
  if (session === undefined) return
  sendTo(turn, id, { t: 'ended', reason: reason.slice(0, 200) })
  dropSession(turn, session, reason)
}

/** Forgets a session; what it held is open again, what it returned stays. */
export function dropSession(turn: Turn, session: HubSession, reason: string): void {
  const { state } = turn
  state.sessions.delete(session.id)
  session.timer?.cancel()
  unlink(session)
  recount(state, session)
  for (const lease of [...session.held]) dropLease(turn, lease)
  session.offer.sessions--
  if (session.offer.sessions === 0) state.offers.delete(session.offer.key)
  session.agent.sessions.delete(session)
  if (session.agent.sessions.size === 0 && session.agent.runs.size === 0)
    state.agents.delete(session.agent.id)
  turn.effects.push({ t: 'session.dropped', session: session.id, reason })
}
