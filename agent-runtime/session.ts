import type { ForgeError } from '../kernel/errors.ts'
import type { EnrolOutput } from '../kernel/protocol.ts'
import { asForgeError } from './failure.ts'
import { HubLink, type LinkOptions, type WorkMessage } from './hub-link.ts'
import { LeaseLoop, type LeaseLoopOptions } from './lease-loop.ts'

/** What connects, and what executes; both see the whole executor. */
export interface SessionOptions extends LinkOptions, LeaseLoopOptions {
  readonly executor: LeaseLoopOptions['executor']
}

/**
 * An agent's session with a hub.
 *
 * While `run` lasts, the session is connecting, live or waiting. Connecting: it opens a connection, enrols unless the
 * hub still knows it, and subscribes to leases after the last message it saw. Live: leases arrive and are executed one
 * at a time while the contract and operands of the next are fetched. Waiting: the connection failed; it tries again
 * after a jittered, growing delay, and execution goes on meanwhile. When the hub is about to stop, held leases are
 * returned to it, and the session goes to another hub that it has named, or comes back by the address it knows. When the
 * hub does not know the session any more, every lease of that enrolment is dropped and the session enrols anew. When `run`
 * ends, held leases are given back.
 */
export class Session {
  readonly #heard: SessionOptions['heard']
  readonly #link: HubLink
  readonly #loop: LeaseLoop

  constructor(options: SessionOptions) {
    this.#heard = (event) => options.heard(event)
    this.#link = new HubLink(options, {
      message: (message, enrolment) => this.#hear(message, enrolment),
      isBusy: () => this.#loop.ids.length > 0,
      forgotten: () => this.#loop.dropAll('the hub does not know this session any more'),
    })
    this.#loop = new LeaseLoop(options, this.#link)
  }

  /**
   * Takes part until `signal` aborts, then gives held leases back and closes the connection.
   * @param releaseReason what to tell the hub; read when the signal has aborted
   * @throws ForgeError EXECUTOR_FAILED when the executor cannot go on; UNAUTHENTICATED, FORBIDDEN or MESSAGE_INVALID
   * when the hub refuses this agent for good or ends its session
   */
  async run(signal: AbortSignal, releaseReason: () => 'paused' | 'stopped'): Promise<void> {
    const fault = new AbortController()
    const link = new AbortController()
    const work = AbortSignal.any([signal, fault.signal])
    let failure: ForgeError | undefined
    const fail = (error: unknown) => {
      failure ??= asForgeError(error)
      fault.abort(failure)
    }
    const connecting = this.#link.stay(link.signal).catch(fail)
    await this.#loop.run(work).catch(fail)
    if (failure === undefined) await this.#link.giveBack(this.#loop.ids, releaseReason())
    else await this.#link.giveBack(this.#loop.ids, 'failed', failure.message)
    this.#loop.dropAll('given back')
    link.abort('the session ended')
    await connecting
    if (failure !== undefined) throw failure
  }

  /** Frees what is kept between runs. The session is over. */
  close(): void {
    this.#loop.close()
  }

  #hear(message: WorkMessage, enrolment: EnrolOutput): void {
    switch (message.t) {
      case 'lease':
        this.#loop.take(message, enrolment)
        return
      case 'cancel':
        this.#loop.cancel(message)
        return
      case 'accepted':
        this.#heard({ t: 'accepted', shards: message.shards })
        return
      case 'rejected':
        this.#heard({ t: 'rejected', reason: message.reason })
        return
      default:
        message satisfies never
    }
  }
}
