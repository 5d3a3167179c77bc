import { invariant } from '../../../kernel/errors.ts'

/** An item that stands in at most one list at a time. Only lists change these fields. */
export interface Linked<T extends Linked<T>> {
  before: T | undefined
  after: T | undefined
  list: LinkedList<T> | undefined
}

/** A queue from whose middle an item is taken in constant time. */
export class LinkedList<T extends Linked<T>> {
  #first: T | undefined
  #last: T | undefined
  #size = 0

  get first(): T | undefined {
    return this.#first
  }

  get size(): number {
    return this.#size
  }

  push(item: T): void {
    invariant(item.list === undefined, 'an item stands in one list')
    item.list = this
    item.before = this.#last
    item.after = undefined
    if (this.#last === undefined) this.#first = item
    else this.#last.after = item
    this.#last = item
    this.#size++
  }

  remove(item: T): void {
    invariant(item.list === this, 'an item is taken out of its own list')
    if (item.before === undefined) this.#first = item.after
    else item.before.after = item.after
    if (item.after === undefined) this.#last = item.before
    else item.after.before = item.before
    item.before = undefined
    item.after = undefined
    item.list = undefined
    this.#size--
    if (this.#size === 0) this.emptied()
  }

  *[Symbol.iterator](): Generator<T> {
    for (let item = this.#first; item !== undefined; ) {
      const { after } = item
      yield item
      item = after
    }
  }

  /** For lists that stand in an index of their own. */
  protected emptied(): void {}
}

/** Takes an item out of the list that it stands in, if any. */
export function unlink<T extends Linked<T>>(item: T): void {
  item.list?.remove(item)
}
