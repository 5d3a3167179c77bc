/** Marks closer than this are one: a GPU ends hundreds of shards at once. */
const BIN_MS = 250
const WINDOW_MS = 10_000

interface Mark {
  readonly at: number
  shards: number
  units: number
}

/** Rates over a sliding window of ten seconds, so that a pause or a change of op shows soon. */
export class Speedometer {
  readonly #marks: Mark[] = []

  /** @param units work units of the shard that was just done */
  mark(now: number, units: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && now - last.at < BIN_MS) {
      last.shards++
      last.units += units
      return
    }
    this.#marks.push({ at: now, shards: 1, units })
    this.#trim(now)
  }

  /** Per second, over the window or since its first mark; 0 until a second mark is there. */
  rates(now: number): { readonly shards_per_s: number; readonly work_units_per_s: number } {
    this.#trim(now)
    const [first, ...rest] = this.#marks
    if (first === undefined || rest.length === 0) return { shards_per_s: 0, work_units_per_s: 0 }
    const seconds = (now - first.at) / 1000
    const shards = rest.reduce((sum, mark) => sum + mark.shards, 0)
    const units = rest.reduce((sum, mark) => sum + mark.units, 0)
    return { shards_per_s: shards / seconds, work_units_per_s: units / seconds }
  }

  #trim(now: number): void {
    while (now - (this.#marks[0]?.at ?? now) > WINDOW_MS) this.#marks.shift()
  }
}
