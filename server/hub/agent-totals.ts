import type { AgentStore, AgentWork } from '../memory/ports/agents.ts'
import type { Credit } from './core/events.ts'

/** Totals are stored so often at most: one statement for all agents that did something meanwhile. */
const INTERVAL_MS = 5000

/** Gathers what agents did for their owners' eyes, so that the store is not asked once a lease. */
export class AgentTotals {
  readonly #store: Pick<AgentStore, 'credit'>
  readonly #failed: (error: unknown) => void
  #work = new Map<string, { -readonly [K in keyof AgentWork]: AgentWork[K] }>()
  #timer: ReturnType<typeof setTimeout> | undefined
  #storing: Promise<void> = Promise.resolve()

  constructor(store: Pick<AgentStore, 'credit'>, failed: (error: unknown) => void) {
    this.#store = store
    this.#failed = failed
  }

  add(job_id: string, credits: readonly Credit[]): void {
    for (const { agent, owner, executor, shards } of credits) {
      const key = `${agent} ${owner} ${executor} ${job_id}`
      const known = this.#work.get(key)
      if (known === undefined) {
        this.#work.set(key, { id: agent, owner_id: owner, executor, job_id, shards, leases: 1 })
      } else {
        known.shards += shards
        known.leases++
      }
    }
    this.#timer ??= setTimeout(() => void this.flush(), INTERVAL_MS).unref()
  }

  /** Stores what has been gathered. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const work = [...this.#work.values()]
    this.#work = new Map()
    if (work.length > 0)
      this.#storing = this.#storing.then(() => this.#store.credit(work)).catch((error) => this.#failed(error))
    await this.#storing
  }
}
