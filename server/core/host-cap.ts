import { hostKey } from './network-prefix.ts'

/** Counts what each host (IPv4 address, IPv6 /64) has open, up to a limit. */
export class HostCap {
  readonly #limit: number
  readonly #open = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  /** @returns a function that gives the place back (once), or undefined when the host has no place left */
  enter(address: string): (() => void) | undefined {
    const key = hostKey(address)
    const count = this.#open.get(key) ?? 0
    if (count >= this.#limit) return undefined
    this.#open.set(key, count + 1)
    let inside = true
    return () => {
      if (!inside) return
      inside = false
      const left = (this.#open.get(key) ?? 1) - 1
      if (left === 0) this.#open.delete(key)
      else this.#open.set(key, left)
    }
  }
}
