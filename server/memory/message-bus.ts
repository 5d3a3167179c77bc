import pg from 'pg'

/** Longest message: PostgreSQL carries less than 8,000 bytes in one notification. */
export const BUS_MESSAGE_BYTES = 7_900

/**
 * Messages between the hubs of one store, best effort: each may be lost, come twice or out of order, and the sender may hear
 * its own. Whatever is said here can also be found in the database; a message only makes it known sooner.
 */
export interface MessageBus {
  /** A message costs so little that figures for people's eyes go by it as well; else they are found in the database alone. */
  readonly carriesFigures: boolean
  /** Neither waits nor throws. A message longer than BUS_MESSAGE_BYTES is not sent. */
  publish(message: string): void
  /** @returns ends the subscription */
  subscribe(hear: (message: string) => void): () => void
  close(): Promise<void>
}

/** The hubs of one process, or one that is alone. */
export class MemoryBus implements MessageBus {
  readonly carriesFigures = true
  readonly #listeners = new Set<(message: string) => void>()

  publish(message: string): void {
    for (const hear of this.#listeners) {
      setImmediate(() => {
        if (this.#listeners.has(hear)) hear(message)
      })
    }
  }

  subscribe(hear: (message: string) => void): () => void {
    // A function of its own each time: one listener may subscribe twice.
    const listener = (message: string) => hear(message)
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#listeners.clear()
  }
}

const CHANNEL = 'forge_hub'
const RECONNECT_FIRST_MS = 200
const RECONNECT_MAX_MS = 10_000

/**
 * PostgreSQL's LISTEN and NOTIFY. It listens on a connection of its own, which is opened again when it breaks; what was said
 * meanwhile is lost. A message is a statement, and its commit waits for those of all others.
 */
export class PostgresBus implements MessageBus {
  readonly carriesFigures = false
  readonly #url: string
  readonly #pool: Pick<pg.Pool, 'query'>
  readonly #lost: (error: unknown) => void
  readonly #listeners = new Set<(message: string) => void>()
  #client: pg.Client | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #connecting: Promise<void> = Promise.resolve()
  #failures = 0
  #closed = false

  /** @param lost hears of connections and messages that were lost */
  constructor(
    database: { readonly url: string; readonly pool: Pick<pg.Pool, 'query'> },
    lost: (error: unknown) => void,
  ) {
    this.#url = database.url
    this.#pool = database.pool
    this.#lost = lost
  }

  /** Begins to listen; resolves once it does, or has failed for the first time. */
  async open(): Promise<void> {
    this.#connecting = this.#connect()
    await this.#connecting
  }

  publish(message: string): void {
    if (this.#closed || Buffer.byteLength(message) > BUS_MESSAGE_BYTES) return
    this.#pool.query('SELECT pg_notify($1, $2)', [CHANNEL, message]).catch((error: unknown) => {
      if (!this.#closed) this.#lost(error)
    })
  }

  subscribe(hear: (message: string) => void): () => void {
    const listener = (message: string) => hear(message)
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#listeners.clear()
    await this.#connecting
    await this.#client?.end().catch(() => {})
  }

  async #connect(): Promise<void> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'forge-pool-bus',
      keepAlive: true,
    })
    let isBroken = false
    const broken = (error: unknown): void => {
      if (isBroken) return
      isBroken = true
      this.#client = undefined
      client.removeAllListeners('notification')
      void client.end().catch(() => {})
      this.#retry(error)
    }
    client.on('error', broken)
    client.on('end', () => broken(new Error('the connection has ended')))
    client.on('notification', ({ payload }) => {
      for (const hear of this.#listeners) hear(payload ?? '')
    })
    try {
      await client.connect()
      await client.query(`LISTEN ${CHANNEL}`)
      this.#client = client
      this.#failures = 0
    } catch (error) {
      broken(error)
    }
  }

  #retry(error: unknown): void {
    if (this.#closed) return
    this.#lost(error)
    const wait_ms = Math.min(RECONNECT_MAX_MS, RECONNECT_FIRST_MS * 2 ** this.#failures++)
    this.#timer = setTimeout(() => {
      this.#connecting = this.#connect()
    }, wait_ms)
    this.#timer.unref()
  }
}
