import { type Linked, LinkedList } from './linked-list.ts'

/**
 * Queues by a set of voices (voices.ts). What an agent may take is what has no copy of its own owner or network: with one
 * queue for each set, the first item without a given voice is found without looking at the items that have it.
 */
export class VoiceQueues<T extends Linked<T>> {
  readonly #byKey = new Map<string, VoiceQueue<T>>()
  readonly #order = new LinkedList<VoiceQueue<T>>()

  get isEmpty(): boolean {
    return this.#byKey.size === 0
  }

  push(voices: readonly string[], item: T): void {
    const key = voices.length === 1 ? (voices[0] as string) : [...voices].sort().join('\n')
    let queue = this.#byKey.get(key)
    if (queue === undefined) {
      queue = new VoiceQueue<T>(voices, (empty) => {
        this.#byKey.delete(key)
        this.#order.remove(empty)
      })
      this.#byKey.set(key, queue)
      this.#order.push(queue)
    }
    queue.push(item)
  }

  /** Takes what `first` finds out of its queue, and puts that queue behind the others. */
  take(may: (voices: readonly string[]) => boolean): T | undefined {
    const item = this.first(may)
    const queue = item?.list
    if (item === undefined || !(queue instanceof VoiceQueue)) return undefined
    queue.remove(item)
    if (queue.size > 0) {
      this.#order.remove(queue)
      this.#order.push(queue)
    }
    return item
  }

  /** @returns the oldest item of the first queue that `may` admits by its voices */
  first(may: (voices: readonly string[]) => boolean): T | undefined {
    for (const queue of this.#order) if (may(queue.voices)) return queue.first
    return undefined
  }
}

class VoiceQueue<T extends Linked<T>> extends LinkedList<T> implements Linked<VoiceQueue<T>> {
  before: VoiceQueue<T> | undefined
  after: VoiceQueue<T> | undefined
  list: LinkedList<VoiceQueue<T>> | undefined
  readonly voices: readonly string[]
  readonly #onEmpty: (queue: VoiceQueue<T>) => void

  constructor(voices: readonly string[], onEmpty: (queue: VoiceQueue<T>) => void) {
    super()
    this.voices = voices
    this.#onEmpty = onEmpty
  }

  protected override emptied(): void {
    this.#onEmpty(this)
  }
}
