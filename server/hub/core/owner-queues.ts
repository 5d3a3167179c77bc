import { type Linked, LinkedList } from './linked-list.ts'

/**
 * Queues by a set of owners. What an agent may take is what has no copy of its own owner: with one queue for each set,
 * the first item without a given owner is found without looking at the items that have him.
 */
export class OwnerQueues<T extends Linked<T>> {
  readonly #byKey = new Map<string, OwnerQueue<T>>()
  readonly #order = new LinkedList<OwnerQueue<T>>()

  get isEmpty(): boolean {
    return this.#byKey.size === 0
  }

  push(owners: readonly string[], item: T): void {
    const key = owners.length === 1 ? (owners[0] as string) : [...owners].sort().join('\n')
    let queue = this.#byKey.get(key)
    if (queue === undefined) {
      queue = new OwnerQueue<T>(owners, (empty) => {
        this.#byKey.delete(key)
        this.#order.remove(empty)
      })
      this.#byKey.set(key, queue)
      this.#order.push(queue)
    }
    queue.push(item)
  }

  /** Takes what `first` finds out of its queue, and puts that queue behind the others. */
  take(may: (owners: readonly string[]) => boolean): T | undefined {
    const item = this.first(may)
    const queue = item?.list
    if (item === undefined || !(queue instanceof OwnerQueue)) return undefined
    queue.remove(item)
    if (queue.size > 0) {
      this.#order.remove(queue)
      this.#order.push(queue)
    }
    return item
  }

  /** @returns the oldest item of the first queue that `may` admits by its owners */
  first(may: (owners: readonly string[]) => boolean): T | undefined {
    for (const queue of this.#order) if (may(queue.owners)) return queue.first
    return undefined
  }
}

class OwnerQueue<T extends Linked<T>> extends LinkedList<T> implements Linked<OwnerQueue<T>> {
  before: OwnerQueue<T> | undefined
  after: OwnerQueue<T> | undefined
  list: LinkedList<OwnerQueue<T>> | undefined
  readonly owners: readonly string[]
  readonly #onEmpty: (queue: OwnerQueue<T>) => void

  constructor(owners: readonly string[], onEmpty: (queue: OwnerQueue<T>) => void) {
    super()
    this.owners = owners
    this.#onEmpty = onEmpty
  }

  protected override emptied(): void {
    this.#onEmpty(this)
  }
}
