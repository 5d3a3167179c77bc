interface Timed {
  readonly at_ms: number
  readonly order: number
  readonly run: () => void
}

/** What will happen, in order of time; what happens at one time, in the order in which it was planned. */
export class EventQueue {
  readonly #heap: Timed[] = []
  #order = 0
  now_ms = 0

  after(delay_ms: number, run: () => void): void {
    const heap = this.#heap
    heap.push({ at_ms: this.now_ms + delay_ms, order: this.#order++, run })
    for (let at = heap.length - 1; at > 0; ) {
      const up = (at - 1) >> 1
      if (!this.#isBefore(at, up)) break
      this.#swap(at, up)
      at = up
    }
  }

  /** @returns false when nothing will happen any more */
  next(): boolean {
    const heap = this.#heap
    const [first] = heap
    if (first === undefined) return false
    const last = heap.pop() as Timed
    if (heap.length > 0) {
      heap[0] = last
      for (let at = 0; ; ) {
        let down = 2 * at + 1
        if (down >= heap.length) break
        if (down + 1 < heap.length && this.#isBefore(down + 1, down)) down++
        if (!this.#isBefore(down, at)) break
        this.#swap(at, down)
        at = down
      }
    }
    this.now_ms = first.at_ms
    first.run()
    return true
  }

  #isBefore(a: number, b: number): boolean {
    const [left, right] = [this.#heap[a] as Timed, this.#heap[b] as Timed]
    return left.at_ms < right.at_ms || (left.at_ms === right.at_ms && left.order < right.order)
  }

  #swap(a: number, b: number): void {
    const item = this.#heap[a] as Timed
    this.#heap[a] = this.#heap[b] as Timed
    this.#heap[b] = item
  }
}
