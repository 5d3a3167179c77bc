import { dropCopies } from './runs.ts'
import { dropSession } from './sessions.ts'
import type { Copy } from './state.ts'
import { sendTo, type Turn, updatePhase } from './turn.ts'

/** Ends an agent's part in this hub's life: its unaccepted copies are taken back and done again by others. */
export function blockAgent(
  turn: Turn,
  id: string,
  reason: string,
  where: Pick<Copy, 'session' | 'lease_id'>,
): void {
  const { state } = turn
  if (state.blocked.has(id)) return
  state.blocked.set(id, reason)
  if (state.sessions.has(where.session))
    sendTo(turn, where.session, { t: 'rejected', lease_id: where.lease_id, reason: reason.slice(0, 200) })
  const agent = state.agents.get(id)
  if (agent === undefined) return
  for (const session of [...agent.sessions]) dropSession(turn, session, reason)
  for (const run of [...agent.runs]) {
    dropCopies(state, run, (copy) => copy.agent === id)
    updatePhase(turn, run.chunk.job)
  }
}
