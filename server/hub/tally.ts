import type { NetworkView } from '../../kernel/api.ts'

const RATE_WINDOW_MS = 10_000
/** What is accepted within so long is counted together: the window holds a hundred sums, however much comes. */
const SLOT_MS = 100

/** What the network has done, for its front page: totals that survive restarts, and the present rate. */
export class Tally {
  readonly #before: { readonly settled: number; readonly shards_accepted: number }
  #settled: number
  #shards: number
  readonly #recent: { at_ms: number; shards: number }[] = []

  constructor(counts: { readonly settled: number; readonly shards_accepted: number }) {
    this.#before = counts
    this.#settled = counts.settled
    this.#shards = counts.shards_accepted
  }

  settled(): void {
    this.#settled++
  }

  accepted(now_ms: number, shards: number): void {
    this.#shards += shards
    const last = this.#recent.at(-1)
    if (last !== undefined && now_ms - last.at_ms < SLOT_MS) last.shards += shards
    else this.#recent.push({ at_ms: now_ms, shards })
    this.#forget(now_ms)
  }

  /** What this process has counted itself. */
  since(): Pick<NetworkView, 'jobs_settled' | 'shards_accepted'> {
    return {
      jobs_settled: this.#settled - this.#before.settled,
      shards_accepted: this.#shards - this.#before.shards_accepted,
    }
  }

  view(now_ms: number): Pick<NetworkView, 'jobs_settled' | 'shards_accepted' | 'shards_per_s'> {
    this.#forget(now_ms)
    const recent = this.#recent.reduce((sum, entry) => sum + entry.shards, 0)
    return {
      jobs_settled: this.#settled,
      shards_accepted: this.#shards,
      shards_per_s: Math.round((10 * recent) / (RATE_WINDOW_MS / 1000)) / 10,
    }
  }

  #forget(now_ms: number): void {
    while ((this.#recent[0]?.at_ms ?? now_ms) < now_ms - RATE_WINDOW_MS) this.#recent.shift()
  }
}
