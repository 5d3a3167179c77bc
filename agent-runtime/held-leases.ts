import type { LeaseMessage } from '../kernel/protocol.ts'
import { AGENT_LIMITS } from './limits.ts'

/** A lease in this agent's hands. */
export interface HeldLease {
  readonly message: LeaseMessage
  /** When the hub gives the shards to someone else, on the agent's clock: ms. */
  readonly deadlineAt: number
  /** Aborts when this lease is no longer wanted. */
  readonly stop: AbortController
}

/**
 * The leases held, in order of arrival, of one epoch of the hub. A lease leaves when it is returned, cancelled or
 * released; one that left is not taken up again when a resumed subscription repeats it.
 */
export class HeldLeases {
  readonly #held = new Map<string, HeldLease>()
  readonly #finished = new Set<string>()
  #waiting: (() => void) | undefined

  get ids(): string[] {
    return [...this.#held.keys()]
  }

  /** @returns undefined when the lease is held already, or was */
  add(message: LeaseMessage, now: number): HeldLease | undefined {
    if (this.#held.has(message.lease_id) || this.#finished.has(message.lease_id)) return undefined
    const lease = { message, deadlineAt: now + message.deadline_ms, stop: new AbortController() }
    this.#held.set(message.lease_id, lease)
    this.#waiting?.()
    return lease
  }

  has(lease: HeldLease): boolean {
    return this.#held.get(lease.message.lease_id) === lease
  }

  /** Takes the lease out and stops its execution. @returns whether it was held */
  drop(leaseId: string, reason: string): boolean {
    const lease = this.#held.get(leaseId)
    if (lease === undefined) return false
    this.#held.delete(leaseId)
    this.#finished.add(leaseId)
    for (const oldest of this.#finished) {
      if (this.#finished.size <= AGENT_LIMITS.finished_leases_kept) break
      this.#finished.delete(oldest)
    }
    lease.stop.abort(reason)
    return true
  }

  dropAll(reason: string): void {
    for (const id of this.ids) this.drop(id, reason)
  }

  /** The next lease to execute; waits for one. @returns undefined when the signal aborts */
  async next(signal: AbortSignal): Promise<HeldLease | undefined> {
    for (;;) {
      if (signal.aborted) return undefined
      const [first] = this.#held.values()
      if (first !== undefined) return first
      await new Promise<void>((resolve) => {
        const wake = () => {
          signal.removeEventListener('abort', wake)
          this.#waiting = undefined
          resolve()
        }
        this.#waiting = wake
        signal.addEventListener('abort', wake, { once: true })
      })
    }
  }
}
