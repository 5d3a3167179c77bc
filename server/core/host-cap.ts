import { hostKey } from './network-prefix.ts'

/** What one host has open. */
interface Host {
  open: number
  /** Gives one place back. One function for all its sockets, of which a busy proxy has thousands. */
  readonly leave: () => void
}

/** Something that is closed once, as a socket. */
interface Closing {
  on(event: 'close', listener: () => void): unknown
}

/** Counts what each host (IPv4 address, IPv6 /64) has open, up to a limit. */
export class HostCap {
  readonly #limit: number
  readonly #hosts = new Map<string, Host>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @returns a function that gives the place back (once), or undefined when the host has no place left */
  enter(address: string): (() => void) | undefined {
    const host = this.#take(address)
    if (host === undefined) return undefined
    let inside = true
    return () => {
      if (inside) host.leave()
      inside = false
    }
  }

  /** Takes a place until the socket closes. @returns false when the host has none left */
  hold(socket: Closing, address: string): boolean {
    const host = this.#take(address)
    if (host === undefined) return false
    socket.on('close', host.leave)
    return true
  }

  #take(address: string): Host | undefined {
    const key = hostKey(address)
    const host = this.#hosts.get(key) ?? this.#newHost(key)
    if (host.open >= this.#limit) return undefined
    host.open++
    this.#hosts.set(key, host)
    return host
  }

  #newHost(key: string): Host {
    const host: Host = {
      open: 0,
      leave: () => {
        if (--host.open === 0) this.#hosts.delete(key)
      },
    }
    return host
  }
}
