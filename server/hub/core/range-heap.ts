/** A run of untouched shards in one owned chunk. */
export interface FreshRange<C> {
  readonly chunk: C
  readonly first: number
  readonly count: number
}

/** Untouched shards, the lowest first: a binary heap. */
export class RangeHeap<C extends { readonly isOwned: boolean }> {
  readonly #heap: FreshRange<C>[] = []

  /** All ranges in no order, those of lost chunks included. */
  get all(): readonly FreshRange<C>[] {
    return this.#heap
  }

  /** The lowest untouched shard. */
  get first(): number | undefined {
    while (this.#heap[0]?.chunk.isOwned === false) this.#pop()
    return this.#heap[0]?.first
  }

  push(range: FreshRange<C>): void {
    const heap = this.#heap
    let at = heap.push(range) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      if ((heap[up] as FreshRange<C>).first <= range.first) break
      heap[at] = heap[up] as FreshRange<C>
      at = up
    }
    heap[at] = range
  }

  /** Takes the lowest shards, at most `most`, from one chunk; neighbouring ranges are joined. */
  take(most: number): FreshRange<C> | undefined {
    let taken: FreshRange<C> | undefined
    for (let next = this.#heap[0]; next !== undefined; next = this.#heap[0]) {
      if (!next.chunk.isOwned) {
        this.#pop()
        continue
      }
      if (taken !== undefined) {
        const isNeighbour = next.chunk === taken.chunk && next.first === taken.first + taken.count
        if (taken.count === most || !isNeighbour) break
      }
      this.#pop()
      const room: number = most - (taken?.count ?? 0)
      const count = Math.min(room, next.count)
      taken = { chunk: next.chunk, first: taken?.first ?? next.first, count: (taken?.count ?? 0) + count }
      if (count < next.count)
        this.push({ chunk: next.chunk, first: next.first + count, count: next.count - count })
    }
    return taken
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let down = 2 * at + 1
      if (down >= heap.length) break
      if (
        down + 1 < heap.length &&
        (heap[down + 1] as FreshRange<C>).first < (heap[down] as FreshRange<C>).first
      )
        down++
      if ((heap[down] as FreshRange<C>).first >= last.first) break
      heap[at] = heap[down] as FreshRange<C>
      at = down
    }
    heap[at] = last
  }
}
