import { type Linked, LinkedList } from './linked-list.ts'

/** Milliseconds of one slot of the wheel. */
const SLOT_MS = 256

/** Something that is due at a time. */
export class Timer<T> implements Linked<Timer<T>> {
  before: Timer<T> | undefined
  after: Timer<T> | undefined
  list: LinkedList<Timer<T>> | undefined
  readonly at_ms: number
  readonly order: number
  readonly task: T

  constructor(at_ms: number, order: number, task: T) {
    this.at_ms = at_ms
    this.order = order
    this.task = task
  }

  /** Harmless when it has fired or was cancelled before. */
  cancel(): void {
    this.list?.remove(this)
  }
}

/** Deadlines by slots of time: setting and cancelling one costs the same however many there are. */
export class TimerWheel<T> {
  readonly #slots = new Map<number, LinkedList<Timer<T>>>()
  #next_slot = 0
  #order = 0

  /** @param at_ms a time in the past is due at the next call of `due`; Infinity is never due */
  set(at_ms: number, task: T): Timer<T> {
    const timer = new Timer(at_ms, this.#order++, task)
    if (at_ms === Number.POSITIVE_INFINITY) return timer
    const slot = Math.max(this.#next_slot, Math.floor(at_ms / SLOT_MS))
    let list = this.#slots.get(slot)
    if (list === undefined) {
      list = new LinkedList<Timer<T>>()
      this.#slots.set(slot, list)
    }
    list.push(timer)
    return timer
  }

  /** Takes out what is due by `now_ms`, in order of time. */
  due(now_ms: number): readonly T[] {
    const fired: Timer<T>[] = []
    const now_slot = Math.floor(now_ms / SLOT_MS)
    for (let slot = this.#next_slot; slot <= now_slot; slot++) {
      const list = this.#slots.get(slot)
      if (list === undefined) continue
      for (const timer of list) {
        if (timer.at_ms > now_ms) continue
        list.remove(timer)
        fired.push(timer)
      }
      if (slot < now_slot) this.#slots.delete(slot)
    }
    this.#next_slot = now_slot
    fired.sort((a, b) => a.at_ms - b.at_ms || a.order - b.order)
    return fired.map(({ task }) => task)
  }
}
