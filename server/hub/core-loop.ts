import type { HubEffect, HubEvent } from './core/events.ts'
import type { HubState } from './core/state.ts'
import { step } from './core/step.ts'
import type { HubTap } from './tap.ts'

/** What the core wants done; its answer to a result goes back to whoever brought the result. */
export type Deed = Exclude<HubEffect, { readonly t: 'reply' }>
export type Outcome = Extract<HubEffect, { readonly t: 'reply' }>['outcome']

export interface CoreLoopOptions {
  readonly state: HubState
  /** Monotonic milliseconds. */
  now_ms(): number
  /** Called in the core's order, before `apply` returns. */
  perform(deed: Deed): void
  readonly tap: HubTap | undefined
}

/** The loop around the pure core: events go in, stamped by the hub's clock, and deeds come out. It alone changes the state. */
export class CoreLoop {
  readonly #state: HubState
  readonly #options: CoreLoopOptions

  constructor(options: CoreLoopOptions) {
    this.#state = options.state
    this.#options = options
  }

  /** For others to read. */
  get state(): HubState {
    return this.#state
  }

  get epoch(): number {
    return this.#state.epoch
  }

  now_ms(): number {
    return this.#options.now_ms()
  }

  /** @returns what the core says to a result */
  apply(event: HubEvent): Outcome | undefined {
    const { tap, perform } = this.#options
    let outcome: Outcome | undefined
    tap?.heard(event)
    for (const effect of step(this.#state, event, this.now_ms())) {
      if (effect.t === 'reply') outcome = effect.outcome
      else {
        tap?.said(effect)
        perform(effect)
      }
    }
    return outcome
  }
}
