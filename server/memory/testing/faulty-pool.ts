import type pg from 'pg'

/**
 * What becomes of the next commit: it happens, it is lost as in a crash before it, or it happens and its answer is lost
 * as in a crash after it.
 */
export type Fault = 'none' | 'lost' | 'answer_lost'

export interface FaultyPool {
  readonly pool: pg.Pool
  /** Applies to the next commit, once. */
  arm(fault: Fault): void
}

/** A pool of the same connections whose commits can be made to fail. */
export function faultyPool(real: pg.Pool): FaultyPool {
  let next: Fault = 'none'
  const commit = async <T>(run: () => Promise<T>, undo: () => Promise<unknown>): Promise<T> => {
    const fault = next
    next = 'none'
    if (fault === 'lost') {
      await undo()
      throw new Error('the connection was lost before the commit')
    }
    const answer = await run()
    if (fault === 'answer_lost') throw new Error('the connection was lost after the commit')
    return answer
  }
  const faultyClient = (client: pg.PoolClient): pg.PoolClient =>
    new Proxy(client, {
      get(target, name) {
        if (name === 'query') {
          return (text: string, values?: unknown[]) =>
            text === 'COMMIT'
              ? commit(
                  () => target.query(text),
                  () => target.query('ROLLBACK'),
                )
              : target.query(text, values)
        }
        const value: unknown = Reflect.get(target, name)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  const pool = new Proxy(real, {
    get(target, name) {
      if (name === 'connect') return async () => faultyClient(await target.connect())
      // A commit of results is one statement of its own.
      if (name === 'query') {
        return (text: string, values?: unknown[]) =>
          text.startsWith('WITH fence')
            ? commit(
                () => target.query(text, values),
                async () => {},
              )
            : target.query(text, values)
      }
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return {
    pool,
    arm(fault) {
      next = fault
    },
  }
}
