import { performance } from 'node:perf_hooks'
import type { WebSocket } from 'ws'

/** Frames are served for so long in one turn of the event loop; the database, timers and the referee come in between. */
const TURN_MS = 3
/** Bytes that one socket may have waiting; beyond, it is not read. */
const WAITING_BYTES = 4 * 1024 * 1024

/** Takes a frame at its turn. */
export interface Recipient {
  readonly client: WebSocket
  /** Bytes of it that wait. The inbox keeps count. */
  waiting_bytes: number
  serve(frame: Buffer): void
}

interface Waiting {
  readonly recipient: Recipient
  readonly frame: Buffer
}

/**
 * Frames of all sockets in the order in which they came. A thousand that come at once would otherwise be served in one
 * turn of the event loop, and nothing that they wait for would move meanwhile.
 */
export class Inbox {
  #waiting: Waiting[] = []
  #at = 0
  #isScheduled = false

  push(recipient: Recipient, frame: Buffer): void {
    this.#waiting.push({ recipient, frame })
    recipient.waiting_bytes += frame.length
    if (recipient.waiting_bytes > WAITING_BYTES) recipient.client.pause()
    this.#schedule()
  }

  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => this.#turn())
  }

  #turn(): void {
    this.#isScheduled = false
    const end_ms = performance.now() + TURN_MS
    while (this.#at < this.#waiting.length) {
      const { recipient, frame } = this.#waiting[this.#at++] as Waiting
      recipient.waiting_bytes -= frame.length
      if (recipient.client.isPaused && recipient.waiting_bytes <= WAITING_BYTES / 2) recipient.client.resume()
      recipient.serve(frame)
      if (performance.now() >= end_ms) break
    }
    if (this.#at < this.#waiting.length) {
      // What was served goes when it is most of the list.
      if (2 * this.#at > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#at)
        this.#at = 0
      }
      this.#schedule()
      return
    }
    this.#waiting = []
    this.#at = 0
  }
}
