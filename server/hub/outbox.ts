import type { HubMessage, LeaseMessage, LeaseOffer, UnsignedMessage } from '../../kernel/protocol.ts'

/** Who hears what the hub says to one agent. Called at once, on the hub's own thread: it must not throw or wait. */
export interface Listener {
  /** @param id resumes the subscription after this message */
  message(id: string, message: HubMessage): void
  /** Nothing more will come: the session is over, or somebody else listens. */
  ended(): void
}

interface Item {
  readonly id: string
  /** Undefined while it is being signed. */
  message: HubMessage | undefined
}

/**
 * What the hub says to one agent: to one listener at a time, and to nobody while there is none. Leases are signed on their
 * way, and whatever is said after one waits for it.
 */
export class Outbox {
  readonly #sign: (offer: LeaseOffer) => Promise<LeaseMessage>
  #listener: Listener | undefined
  /** The first is being signed. */
  #waiting: Item[] = []
  #isFinishing = false

  constructor(sign: (offer: LeaseOffer) => Promise<LeaseMessage>) {
    this.#sign = sign
  }

  /** What is said while nobody listens is lost: leases are offered anew to whoever listens next. */
  push(id: string, message: UnsignedMessage): void {
    if (this.#listener === undefined) return
    if (message.t !== 'lease') {
      if (this.#waiting.length === 0) this.#listener.message(id, message)
      else this.#waiting.push({ id, message })
      return
    }
    const item: Item = { id, message: undefined }
    this.#waiting.push(item)
    this.#sign(message).then(
      (lease) => {
        item.message = lease
        this.#drain()
      },
      // Without the lease the listener would wait for ever: whoever listens anew is offered it anew.
      () => {
        if (this.#waiting.includes(item)) this.#end()
      },
    )
  }

  /** Makes `listener` the one who hears, in the place of another. */
  open(listener: Listener): void {
    this.#end()
    this.#listener = listener
  }

  isOpenFor(listener: Listener): boolean {
    return this.#listener === listener
  }

  /** Nothing more will come: the listener hears so, after what is waiting. */
  finish(): void {
    this.#isFinishing = true
    if (this.#waiting.length === 0) this.#end()
  }

  /** The listener has gone by itself. */
  leave(): void {
    this.#listener = undefined
    this.#waiting = []
  }

  #drain(): void {
    for (let head = this.#waiting[0]; head?.message !== undefined; head = this.#waiting[0]) {
      this.#waiting.shift()
      this.#listener?.message(head.id, head.message)
    }
    if (this.#isFinishing && this.#waiting.length === 0) this.#end()
  }

  #end(): void {
    const listener = this.#listener
    this.leave()
    listener?.ended()
  }
}
