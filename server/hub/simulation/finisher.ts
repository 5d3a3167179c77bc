import type { HubEvent } from '../core/events.ts'
import type { Network, SimHub } from './network.ts'
import type { Basis, Store } from './store.ts'

interface Host extends SimHub {
  later(delay_ms: number, event: () => HubEvent | undefined): void
}

/** How a hub of a simulated network ends a job: the protocol of server/hub/finisher.ts. */
export class SimFinisher {
  readonly #host: Host
  readonly #world: Network
  readonly #store: Store

  constructor(host: Host, world: Network, store: Store) {
    this.#host = host
    this.#world = world
    this.#store = store
  }

  /** Reads what there is, has doubtful shards executed again first, and settles if nothing has changed meanwhile. */
  finish(job_id: string): void {
    const { random } = this.#world
    this.#host.later(random.between(1, 200), () => {
      const basis = this.#store.basis(job_id)
      const spans = [...this.#store.get(job_id).doubted].map((first) => ({ first, count: 1 }))
      if (spans.length > 0) return { t: 'job.doubted', job_id, spans }
      this.#host.later(random.between(1, 500), () => this.#settle(job_id, basis))
      return undefined
    })
  }

  #settle(job_id: string, basis: Basis): undefined {
    if (this.#store.settle(job_id, basis)) this.#world.tellAll({ t: 'job.settled', job_id })
    else this.finish(job_id)
    return undefined
  }
}
