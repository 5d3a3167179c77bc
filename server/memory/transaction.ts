import type pg from 'pg'
import { ForgeError } from '../../kernel/errors.ts'

/**
 * Transactions of one pool that run at a time. They queue for the same rows anyway; the pool's other connections are
 * left to the hub's commits and to readers.
 */
const RUNNING_LIMIT = 4
const WAITING_LIMIT = 2000

/** A connection inside a transaction. */
export type Transaction = Pick<pg.ClientBase, 'query'>

/**
 * Runs `work` in one transaction: all of it is stored, or, when it throws or the process dies, nothing. A transaction
 * inside another one would wait for itself.
 * @throws ForgeError UNAVAILABLE when too many wait
 */
export async function inTransaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const turns = turnsOf(pool)
  await turns.enter()
  try {
    return await run(pool, work)
  } finally {
    turns.leave()
  }
}

async function run<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('BEGIN')
    const value = await work(client)
    await client.query('COMMIT')
    return value
  } catch (error) {
    await client.query('ROLLBACK').catch((lost: Error) => {
      broken = lost
    })
    throw error
  } finally {
    // A connection that could not even roll back is not used again.
    client.release(broken)
  }
}

/** First come, first served. */
class Turns {
  readonly #waiting: (() => void)[] = []
  #running = 0

  async enter(): Promise<void> {
    if (this.#running < RUNNING_LIMIT) {
      this.#running++
      return
    }
    if (this.#waiting.length >= WAITING_LIMIT)
      throw new ForgeError('UNAVAILABLE', 'the database is busy', { hint: 'Try again in a few seconds.' })
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}

const turnsByPool = new WeakMap<pg.Pool, Turns>()

function turnsOf(pool: pg.Pool): Turns {
  const turns = turnsByPool.get(pool) ?? new Turns()
  turnsByPool.set(pool, turns)
  return turns
}
