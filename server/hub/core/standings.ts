import type { AcceptMethod } from '../../../kernel/acceptance.ts'
import { groupDoubt, type Standing } from '../../../kernel/verification/policy.ts'
import { newStanding, passChecks } from '../../../kernel/verification/reputation.ts'
import type { Copy, HubJob, HubState } from './state.ts'
import type { Turn } from './turn.ts'

/** What is known of agents, and what each closed shard adds to it. */

/** An agent that is gone, or of which nothing was ever said. */
const STRANGER: Standing = newStanding(0, 0, false)

export function standingOf(state: HubState, { agent, executor }: Pick<Copy, 'agent' | 'executor'>): Standing {
  return state.agents.get(agent)?.standings[executor] ?? STRANGER
}

interface Checked {
  readonly count: number
  readonly method: AcceptMethod
  readonly copies: readonly Copy[]
}

/**
 * Shards have closed: their agents have passed a check where another owner, the referee or an algebraic check says the
 * same; where nobody does, the job carries the doubt. Unchecked results build no trust.
 */
export function noteCheck(turn: Turn, job: HubJob, { count, method, copies }: Checked): void {
  const { state } = turn
  if (method === 'single' || method === 'quorum') {
    const doubt = count * groupDoubt(copies.map((copy) => standingOf(state, copy)))
    const kind = method === 'single' ? 'doubt_single' : 'doubt_agreed'
    job.findings = { ...job.findings, [kind]: job.findings[kind] + doubt }
  }
  if (method === 'single') return
  for (const copy of copies) passChecksOf(turn, copy, count)
}

/** So many results of the agent were found right by a check. */
export function passChecksOf(
  turn: Turn,
  { agent, executor }: Pick<Copy, 'agent' | 'executor'>,
  count: number,
): void {
  const standing = turn.state.agents.get(agent)?.standings[executor]
  if (standing !== undefined) passChecks(standing, count)
  const key = `${agent} ${executor}`
  turn.passed ??= new Map()
  const known = turn.passed.get(key)
  if (known === undefined) turn.passed.set(key, { agent, executor, valid: count })
  else known.valid += count
}
