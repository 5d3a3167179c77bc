import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { HUB_LOCK, hubLockKey } from './chunk-store.ts'

const CONNECT_LIMIT_MS = 5_000
const AGAIN_MS = 500

/**
 * Shows other hubs that this one lives: an advisory lock on a connection of its own. It vanishes with the process, however
 * that ends, and what the hub held can be claimed at once. A connection that breaks is opened again; what others claim in
 * between is lost to this hub, as if its claim had run out.
 */
export class HubPresence {
  readonly #url: string
  readonly #epoch: number
  readonly #log: (line: string) => void
  #client: pg.Client | undefined
  #opening: Promise<void> | undefined
  #closed = false

  /** @param url connection URL of the database. @param epoch of the hub */
  constructor(url: string, epoch: number, log: (line: string) => void) {
    this.#url = url
    this.#epoch = epoch
    this.#log = log
  }

  /** Waits until the lock is held. @throws what keeps it from the database */
  async held(): Promise<void> {
    if (this.#client !== undefined || this.#closed) return
    this.#opening ??= this.#open().finally(() => {
      this.#opening = undefined
    })
    await this.#opening
  }

  /** Gives the lock up: everything that the hub holds is free. */
  async close(): Promise<void> {
    this.#closed = true
    await this.#opening?.catch(() => {})
    await this.#client?.end()
  }

  async #open(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'forge-hub',
      connectionTimeoutMillis: CONNECT_LIMIT_MS,
      keepAlive: true,
    })
    client.on('error', () => {}) // Followed by `end`.
    try {
      await client.connect()
      // Shared: the connection before may still be taken for alive.
      await client.query('SELECT pg_advisory_lock_shared($1, $2)', [HUB_LOCK, hubLockKey(this.#epoch)])
    } catch (error) {
      await client.end().catch(() => {})
      throw error
    }
    client.once('end', () => {
      this.#client = undefined
      if (!this.#closed) void this.#again()
    })
    this.#client = client
  }

  async #again(): Promise<void> {
    this.#log('the connection by which other hubs know that this one lives was lost')
    while (!this.#closed) {
      try {
        await this.held()
        return
      } catch {
        await delay(AGAIN_MS, undefined, { ref: false })
      }
    }
  }
}
