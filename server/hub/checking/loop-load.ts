import { type EventLoopUtilization, performance } from 'node:perf_hooks'

/** Whether a thread has little time to spare. */
export interface Load {
  readonly isBusy: boolean
}

/** More than this share of its time a busy thread works. */
const BUSY = 0.4
const LOOK_MS = 100

/** The load of this thread's event loop in the last tenth of a second or two. */
export class LoopLoad implements Load {
  readonly #look: (since?: EventLoopUtilization) => EventLoopUtilization
  readonly #now_ms: () => number
  #last: EventLoopUtilization
  #last_ms: number
  #isBusy = false

  /** @param look as `performance.eventLoopUtilization`. @param now_ms a monotonic clock */
  constructor(
    look: (since?: EventLoopUtilization) => EventLoopUtilization = (since) =>
      performance.eventLoopUtilization(since),
    now_ms: () => number = () => performance.now(),
  ) {
    this.#look = look
    this.#now_ms = now_ms
    this.#last = look()
    this.#last_ms = now_ms()
  }

  get isBusy(): boolean {
    const now_ms = this.#now_ms()
    if (now_ms - this.#last_ms < LOOK_MS) return this.#isBusy
    this.#isBusy = this.#look(this.#last).utilization > BUSY
    this.#last = this.#look()
    this.#last_ms = now_ms
    return this.#isBusy
  }
}
