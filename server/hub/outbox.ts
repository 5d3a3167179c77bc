import type { UnsignedMessage } from '../../kernel/protocol.ts'

export interface OutboxItem {
  /** Tracked id of the subscription. */
  readonly id: string
  readonly message: UnsignedMessage
}

/** Messages that wait for a slow socket; beyond it the subscription ends and the agent resumes. */
const MAX_WAITING = 1000

/** What the hub says to one agent: a queue with one reader. */
export class Outbox {
  #items: OutboxItem[] = []
  #wake: (() => void) | undefined
  #reader = 0
  #finished = false

  /** @returns false when the reader does not keep up */
  push(item: OutboxItem): boolean {
    if (this.#items.length >= MAX_WAITING) return false
    this.#items.push(item)
    this.#wake?.()
    return true
  }

  /** Ends the current reader, if any, and forgets what it did not read: leases are offered anew on resumption. */
  reset(): void {
    this.#reader++
    this.#items = []
    this.#wake?.()
  }

  /** Nothing more will come: the reader ends after what is waiting. */
  finish(): void {
    this.#finished = true
    this.#wake?.()
  }

  /**
   * Makes the caller the one reader, from this moment on.
   * @returns what it reads until `signal` aborts or another reader takes over
   */
  open(signal: AbortSignal): { readonly items: AsyncGenerator<OutboxItem>; isCurrent(): boolean } {
    this.reset()
    const me = this.#reader
    return { items: this.#read(me, signal), isCurrent: () => this.#reader === me }
  }

  async *#read(me: number, signal: AbortSignal): AsyncGenerator<OutboxItem> {
    const onAbort = () => this.#wake?.()
    signal.addEventListener('abort', onAbort)
    try {
      while (!signal.aborted && this.#reader === me) {
        const item = this.#items.shift()
        if (item !== undefined) {
          yield item
          continue
        }
        if (this.#finished) return
        await new Promise<void>((resolve) => {
          this.#wake = resolve
          if (signal.aborted) resolve()
        })
      }
    } finally {
      signal.removeEventListener('abort', onAbort)
    }
  }
}
