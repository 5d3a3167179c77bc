import type pg from 'pg'

/** A connection inside a transaction. */
export type Transaction = Pick<pg.ClientBase, 'query'>

/** Runs `work` in one transaction: all of it is stored, or, when it throws or the process dies, nothing. */
export async function inTransaction<T>(pool: pg.Pool, work: (tx: Transaction) => Promise<T>): Promise<T> {
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
