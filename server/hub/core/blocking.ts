import type { ExecutorKind } from '../../../kernel/receipt.ts'
import type { HubEvent } from './events.ts'
import { dropCopies } from './runs.ts'
import { dropSession } from './sessions.ts'
import type { Copy } from './state.ts'
import { sendTo, type Turn, updatePhase } from './turn.ts'
import { withhold } from './withheld.ts'

/**
 * Ends an agent's part until it is let in again: its unaccepted copies are taken back and done again by others, and what
 * was accepted on its word alone is doubted.
 */
export function blockAgent(
  turn: Turn,
  id: string,
  reason: string,
  where: Pick<Copy, 'session' | 'lease_id' | 'executor'>,
  job_id: string | undefined,
): void {
  const { state } = turn
  if (state.blocked.has(id)) return
  turn.effects.push({ t: 'agent.failed', agent: id, executor: where.executor, reason, job_id })
  if (state.sessions.has(where.session))
    sendTo(turn, where.session, { t: 'rejected', lease_id: where.lease_id, reason: reason.slice(0, 200) })
  shutOut(turn, id, where.executor, reason)
}

/** The same at another hub's word, who has stored it. */
export function distrustAgent(
  turn: Turn,
  { agent, executor, reason }: HubEvent & { t: 'agent.distrusted' },
): void {
  if (!turn.state.blocked.has(agent)) shutOut(turn, agent, executor, reason)
}

function shutOut(turn: Turn, id: string, executor: ExecutorKind, reason: string): void {
  const { state } = turn
  state.blocked.set(id, reason)
  turn.effects.push({ t: 'word.doubted', agent: id, executor })
  const agent = state.agents.get(id)
  if (agent === undefined) return
  agent.standings[executor] = undefined
  for (const session of [...agent.sessions]) dropSession(turn, session, reason)
  for (const run of [...agent.runs]) {
    for (const copy of run.copies) if (copy.agent === id) withhold(turn, run, copy)
    dropCopies(state, run, (copy) => copy.agent === id)
    updatePhase(turn, run.chunk.job)
  }
}
