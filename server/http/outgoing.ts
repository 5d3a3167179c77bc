import type { Duplex } from 'node:stream'
import type { WebSocket } from 'ws'

/**
 * What may wait goes with the next frame to the same agent, and after this long by itself: an agent at work hears of its next
 * lease before, and a frame by itself costs as much as that.
 */
const WAIT_MS = 2000
/** Looks for what has waited so long lie so far apart: what falls due between two is little, however many agents there are. */
const LOOK_MS = 50

/**
 * Frames on their way to all agents. What one turn of the event loop says to an agent leaves its socket in one write, for
 * instance a lease and the answer before it: writes to sockets are a large part of what a lease costs.
 */
export class Outgoing {
  #corked: Outlet[] = []
  /** Those that wait, the longest first, and until when. */
  readonly #waiting = new Map<Outlet, number>()
  #timer: NodeJS.Timeout | undefined

  /** @param socket the one under `client` */
  outlet(client: WebSocket, socket: Duplex): Outlet {
    return new Outlet(client, socket, this)
  }

  /** Called by an outlet that has begun to hold its socket's writes back. */
  corked(outlet: Outlet): void {
    if (this.#corked.length === 0) setImmediate(() => this.#release())
    this.#corked.push(outlet)
  }

  /** Called by an outlet that has frames which may wait. */
  waits(outlet: Outlet): void {
    this.#waiting.set(outlet, performance.now() + WAIT_MS)
    this.#timer ??= setTimeout(() => this.#sendDue(), WAIT_MS).unref()
  }

  /** Called by an outlet that has none of them any more. */
  waitsNoMore(outlet: Outlet): void {
    this.#waiting.delete(outlet)
  }

  #release(): void {
    const corked = this.#corked
    this.#corked = []
    for (const outlet of corked) outlet.release()
  }

  #sendDue(): void {
    this.#timer = undefined
    const now_ms = performance.now()
    for (const [outlet, due_ms] of this.#waiting) {
      if (due_ms > now_ms) {
        this.#timer = setTimeout(() => this.#sendDue(), Math.max(LOOK_MS, due_ms - now_ms)).unref()
        return
      }
      outlet.sendWaiting()
    }
  }
}

/** The way to one agent. Frames keep their order, whether they may wait or not. */
export class Outlet {
  readonly #client: WebSocket
  readonly #socket: Duplex
  readonly #outgoing: Outgoing
  #isCorked = false
  #waiting: Uint8Array[] | undefined

  constructor(client: WebSocket, socket: Duplex, outgoing: Outgoing) {
    this.#client = client
    this.#socket = socket
    this.#outgoing = outgoing
  }

  send(frame: Uint8Array): void {
    if (!this.#isCorked) {
      this.#isCorked = true
      this.#socket.cork()
      this.#outgoing.corked(this)
    }
    this.sendWaiting()
    this.#client.send(frame)
  }

  /** For what nobody acts upon: it goes with the next frame, or soon. */
  sendSoon(frame: Uint8Array): void {
    if (this.#waiting === undefined) {
      this.#waiting = []
      this.#outgoing.waits(this)
    }
    this.#waiting.push(frame)
  }

  sendWaiting(): void {
    const waiting = this.#waiting
    if (waiting === undefined) return
    this.#waiting = undefined
    this.#outgoing.waitsNoMore(this)
    if (this.#client.readyState !== this.#client.OPEN) return
    for (const frame of waiting) this.#client.send(frame)
  }

  release(): void {
    this.#isCorked = false
    this.#socket.uncork()
  }
}
