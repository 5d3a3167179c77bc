import { performance } from 'node:perf_hooks'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Work goes on for so long in one turn of the event loop; agents and pages are answered in between. */
const PORTION_MS = 3

/** Long work of the server's own thread, in portions: `if (portions.isOver) await portions.rest()` between two pieces of it. */
export class Portions {
  #until_ms = performance.now() + PORTION_MS

  get isOver(): boolean {
    return performance.now() >= this.#until_ms
  }

  /** Lets everything else run once, and begins the next portion. */
  async rest(): Promise<void> {
    await nextTurn()
    this.#until_ms = performance.now() + PORTION_MS
  }
}
