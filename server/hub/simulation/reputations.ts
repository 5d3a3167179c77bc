import { type LiveStanding, newStanding } from '../../../kernel/verification/reputation.ts'
import type { PassedChecks } from '../core/events.ts'
import type { SimAgent } from './scenario.ts'

/** Virtual milliseconds for which an agent that was wrong is refused, and checks that it then has to pass. */
const QUARANTINE_MS = 20_000
const PROBATION = 30

/** What the database of a simulated network keeps of its agents; it outlives every hub. */
export class Reputations {
  readonly #agents: Map<string, { checks: number; probation: number; until_ms: number }>
  failures = 0

  constructor(agents: readonly SimAgent[]) {
    this.#agents = new Map(
      agents.map(({ key, checks, probation }) => [key, { checks, probation, until_ms: 0 }]),
    )
  }

  /** @returns what the agent is let in with; undefined while it is in quarantine */
  admit(agent: string, now_ms: number): LiveStanding | undefined {
    const known = this.#agents.get(agent)
    if (known === undefined || now_ms < known.until_ms) return undefined
    return newStanding(known.checks, known.probation, true)
  }

  isOnProbation(agent: string): boolean {
    return (this.#agents.get(agent)?.probation ?? 0) > 0
  }

  passed(results: readonly PassedChecks[]): void {
    for (const { agent, valid } of results) {
      const known = this.#agents.get(agent)
      if (known === undefined) continue
      known.checks += valid
      known.probation = Math.max(0, known.probation - valid)
    }
  }

  failed(agent: string, now_ms: number): void {
    this.failures++
    this.#agents.set(agent, { checks: 0, probation: PROBATION, until_ms: now_ms + QUARANTINE_MS })
  }
}
