import type { HubMessage, LeaseMessage, LeaseOffer, UnsignedMessage } from '../../kernel/protocol.ts'

/** Who hears what the hub says to one agent. Called at once, on the hub's own thread: it must not throw or wait. */
export interface Listener {
  /** @param id resumes the subscription after this message */
  message(id: string, message: HubMessage): void
  /** Nothing more will come: the session is over, or somebody else listens. */
  ended(): void
}

/** Whose offers it carries. */
export interface OfferSigner {
  sign(offer: LeaseOffer): Promise<LeaseMessage>
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
  readonly #signer: OfferSigner
  #listener: Listener | undefined
  /** The first is being signed. Undefined: none, as of idle agents. */
  #waiting: Item[] | undefined
  #isFinishing = false

  constructor(signer: OfferSigner) {
    this.#signer = signer
  }

  /** What is said while nobody listens is lost: leases are offered anew to whoever listens next. */
  push(id: string, message: UnsignedMessage): void {
    if (this.#listener === undefined) return
    if (message.t !== 'lease') {
      if (this.#waiting === undefined) this.#listener.message(id, message)
      else this.#waiting.push({ id, message })
      return
    }
    const item: Item = { id, message: undefined }
    this.#waiting ??= []
    this.#waiting.push(item)
    this.#signer.sign(message).then(
      (lease) => {
        item.message = lease
        this.#drain()
      },
      // Without the lease the listener would wait for ever: whoever listens anew is offered it anew.
      () => {
        if (this.#waiting?.includes(item)) this.#end()
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
    if (this.#waiting === undefined) this.#end()
  }

  /** The listener has gone by itself. */
  leave(): void {
    this.#listener = undefined
    this.#waiting = undefined
  }

  #drain(): void {
    for (let head = this.#waiting?.[0]; head?.message !== undefined; head = this.#waiting?.[0]) {
      this.#waiting?.shift()
      if (this.#waiting?.length === 0) this.#waiting = undefined
      this.#listener?.message(head.id, head.message)
    }
    if (this.#isFinishing && this.#waiting === undefined) this.#end()
  }

  #end(): void {
    const listener = this.#listener
    this.leave()
    listener?.ended()
  }
}
