import pg from 'pg'

const RETRY_MS = 5_000

/**
 * Which of the servers of one database does what must be done by one: whoever holds an advisory lock on a connection of his
 * own. When that connection ends, so does his part, and another server takes over within seconds. Two may believe it for a
 * moment, so what a leader does must bear being done twice.
 */
export class Leadership {
  readonly #url: string
  readonly #gained: () => void
  readonly #failed: (error: unknown) => void
  #client: pg.Client | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #trying: Promise<void> = Promise.resolve()
  #isLeader = false
  #closed = false

  constructor(url: string, hear: { readonly gained: () => void; readonly failed: (error: unknown) => void }) {
    this.#url = url
    this.#gained = hear.gained
    this.#failed = hear.failed
  }

  get isLeader(): boolean {
    return this.#isLeader
  }

  /** Tries now, and from then on every few seconds; resolves after the first attempt. */
  stand(): Promise<void> {
    this.#trying = this.#try().finally(() => {
      if (this.#closed || this.#isLeader) return
      this.#timer = setTimeout(() => void this.stand(), RETRY_MS)
      this.#timer.unref()
    })
    return this.#trying
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#isLeader = false
    clearTimeout(this.#timer)
    await this.#trying
    await this.#client?.end().catch(() => {})
  }

  async #try(): Promise<void> {
    try {
      const client = this.#client ?? (await this.#connect())
      const { rows } = await client.query<{ held: boolean }>(
        "SELECT pg_try_advisory_lock(hashtext('forge/leader')) AS held",
      )
      if (this.#closed || rows[0]?.held !== true || this.#client !== client) return
      this.#isLeader = true
      this.#gained()
    } catch (error) {
      if (!this.#closed) this.#failed(error)
    }
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#url,
      application_name: 'forge-pool-leader',
      keepAlive: true,
    })
    client.on('error', (error) => this.#failed(error))
    client.on('end', () => {
      if (this.#client !== client) return
      this.#client = undefined
      this.#isLeader = false
      if (!this.#closed) void this.stand()
    })
    await client.connect()
    this.#client = client
    return client
  }
}
