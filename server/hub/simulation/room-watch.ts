import { DIGEST_BYTES, isFull } from '../core/back-pressure.ts'
import type { HubEvent } from '../core/events.ts'
import { HUB } from '../core/limits.ts'
import type { HubJob, HubLease, HubState } from '../core/state.ts'
import type { Network } from './network.ts'

/**
 * Watches one life of a hub hold jobs back: fresh shards are leased only where there is room for them, and what is promised
 * counts only until it is overdue.
 */
export class RoomWatch {
  readonly #world: Network
  /** Jobs that agents were refused fresh shards of, until one gets some again. */
  readonly #heldBack = new Set<string>()

  constructor(world: Network) {
    this.#world = world
  }

  /** Looks at the state after a step. @param next_lease number of the first lease that the step could grant */
  look(state: HubState, event: HubEvent, next_lease: number): void {
    const newest = new Map<HubJob, HubLease>()
    for (const lease of state.promised) {
      if (event.t === 'tick' && state.now_ms - lease.granted_ms >= HUB.promise_ms)
        this.#world.fail(`lease ${lease.id} is overdue, and counts as promised`)
      if (lease.number >= next_lease) newest.set(lease.job, lease)
    }
    for (const [job, lease] of newest) {
      const held = job.promised_count - lease.count - job.stored_per_ms * job.held_ms
      const shards = job.unstored_count + Math.max(0, held)
      if (shards * (DIGEST_BYTES + job.leaf_max_bytes) > state.options.unstored_bytes)
        this.#world.fail(`there is no room for lease ${lease.id} of fresh shards`)
      if (this.#heldBack.delete(job.id)) this.#world.went_on++
    }
    for (const job of state.jobs.values()) {
      if (!job.isHeldBack || job.fresh_count === 0 || !isFull(state, job)) continue
      if (!this.#heldBack.has(job.id)) this.#world.held_back++
      this.#heldBack.add(job.id)
    }
  }
}
