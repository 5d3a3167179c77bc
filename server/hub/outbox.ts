import type { HubMessage } from '../../kernel/protocol.ts'

/** Who hears what the hub says to one agent. Called at once, on the hub's own thread: it must not throw or wait. */
export interface Listener {
  /** @param id resumes the subscription after this message */
  message(id: string, message: HubMessage): void
  /** Nothing more will come: the session is over, or somebody else listens. */
  ended(): void
}

/** What the hub says to one agent: to one listener at a time, and to nobody while there is none. */
export class Outbox {
  #listener: Listener | undefined

  /** What is said while nobody listens is lost: leases are offered anew to whoever listens next. */
  push(id: string, message: HubMessage): void {
    this.#listener?.message(id, message)
  }

  /** Makes `listener` the one who hears, in the place of another. */
  open(listener: Listener): void {
    const before = this.#listener
    this.#listener = listener
    before?.ended()
  }

  isOpenFor(listener: Listener): boolean {
    return this.#listener === listener
  }

  /** The listener hears that it is over, if there is one. */
  finish(): void {
    const listener = this.#listener
    this.#listener = undefined
    listener?.ended()
  }

  /** The listener has gone by itself. */
  leave(): void {
    this.#listener = undefined
  }
}
