import { invariant } from '../../../kernel/errors.ts'

/** Something that takes turns: served work so far over its weight, in work units. */
export interface Sharer {
  /** Breaks ties, unique in its queue. */
  readonly order: number
  readonly weight: number
  served: number
}

/**
 * Weighted fair queueing by served work (stride scheduling: Waldspurger, Weihl, 1995): who has been served least for his
 * weight comes first, so over time everyone who always has work gets work in proportion to his weight.
 */
export class FairQueue<T extends Sharer> {
  readonly #sorted: T[] = []

  get size(): number {
    return this.#sorted.length
  }

  [Symbol.iterator](): IterableIterator<T> {
    return this.#sorted[Symbol.iterator]()
  }

  has(item: T): boolean {
    return this.#sorted[this.#place(item)] === item
  }

  /** Whoever comes back does not claim the turns of the time in which he had no work. */
  add(item: T): void {
    const [first] = this.#sorted
    if (first !== undefined && item.served < first.served) item.served = first.served
    this.#sorted.splice(this.#place(item), 0, item)
  }

  remove(item: T): void {
    const at = this.#place(item)
    invariant(this.#sorted[at] === item, 'only what is queued is removed')
    this.#sorted.splice(at, 1)
  }

  serve(item: T, work_units: number): void {
    this.remove(item)
    item.served += work_units / item.weight
    this.#sorted.splice(this.#place(item), 0, item)
  }

  /** Index of the first item that does not come before this one. */
  #place(item: T): number {
    let low = 0
    let high = this.#sorted.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#sorted[middle] as T
      if (other.served < item.served || (other.served === item.served && other.order < item.order))
        low = middle + 1
      else high = middle
    }
    return low
  }
}
