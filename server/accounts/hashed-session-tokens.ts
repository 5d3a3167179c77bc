import type { DBAdapter, DBAdapterInstance, DBTransactionAdapter, Where } from '@better-auth/core/db/adapter'
import { sha256Hex } from '../../kernel/digest.ts'

/**
 * Better Auth stores session tokens as they are; here a secret at rest is a hash. This stands between the library and
 * its adapter and puts SHA-256 in the place of a session's token on every way in. On the way out a caller that named
 * the token gets it back; all others see the hash, which opens nothing: as a token it would be hashed again.
 */
export function withHashedSessionTokens(make: DBAdapterInstance): DBAdapterInstance {
  return (options) => {
    const adapter = make(options)
    const plain: DBAdapter = { ...adapter }
    const transaction: DBAdapter['transaction'] = (callback) =>
      plain.transaction((inside) => callback({ ...inside, ...hashedOperations(inside) }))
    // In place: the library knows the instance that it was given, for instance to check its schema.
    return Object.assign(adapter, hashedOperations(plain), { transaction })
  }
}

type Operations = Pick<
  DBTransactionAdapter,
  | 'create'
  | 'findOne'
  | 'findMany'
  | 'count'
  | 'update'
  | 'updateMany'
  | 'delete'
  | 'deleteMany'
  | 'consumeOne'
>

function hashedOperations(inner: Operations): Operations {
  return {
    async create(input) {
      if (input.model !== 'session') return inner.create(input)
      const { token } = input.data
      if (typeof token !== 'string') throw new TypeError('a session has a token')
      const stored = await inner.create({ ...input, data: { ...input.data, token: sha256Hex(token) } })
      return revealed(stored, new Map([[sha256Hex(token), token]])) as never
    },
    async findOne<T>(query: Parameters<Operations['findOne']>[0]): Promise<T | null> {
      const { where, tokens } = hashedWhere(query)
      return revealed(await inner.findOne<T>({ ...query, where }), tokens)
    },
    async findMany<T>(query: Parameters<Operations['findMany']>[0]): Promise<T[]> {
      const { where, tokens } = hashedWhere(query)
      const rows = await inner.findMany<T>({ ...query, where })
      return rows.map((row) => revealed(row, tokens))
    },
    async update<T>(query: Parameters<Operations['update']>[0]): Promise<T | null> {
      const { where, tokens } = hashedWhere(query)
      return revealed(await inner.update<T>({ ...query, where }), tokens)
    },
    async consumeOne<T>(query: Parameters<Operations['consumeOne']>[0]): Promise<T | null> {
      const { where, tokens } = hashedWhere(query)
      return revealed(await inner.consumeOne<T>({ ...query, where }), tokens)
    },
    count: (query) => inner.count({ ...query, where: hashedWhere(query).where }),
    updateMany: (query) => inner.updateMany({ ...query, where: hashedWhere(query).where }),
    delete: (query) => inner.delete({ ...query, where: hashedWhere(query).where }),
    deleteMany: (query) => inner.deleteMany({ ...query, where: hashedWhere(query).where }),
  }
}

interface Hashed {
  readonly where: Where[]
  /** The tokens that the caller named, by their hashes. */
  readonly tokens: ReadonlyMap<string, string>
}

function hashedWhere({
  model,
  where = [],
}: {
  readonly model: string
  readonly where?: Where[] | undefined
}): Hashed {
  const tokens = new Map<string, string>()
  if (model !== 'session') return { where, tokens }
  const hash = (token: string): string => {
    const digest = sha256Hex(token)
    tokens.set(digest, token)
    return digest
  }
  const hashedConditions = where.map((condition): Where => {
    if (condition.field !== 'token') return condition
    const { value } = condition
    if (typeof value === 'string') return { ...condition, value: hash(value) }
    if (Array.isArray(value)) return { ...condition, value: value.map((token) => hash(String(token))) }
    throw new TypeError('a session is looked up by its whole token')
  })
  return { where: hashedConditions, tokens }
}

function revealed<T>(row: T, tokens: ReadonlyMap<string, string>): T {
  if (typeof row !== 'object' || row === null || !('token' in row)) return row
  const token = typeof row.token === 'string' ? tokens.get(row.token) : undefined
  return token === undefined ? row : { ...row, token }
}
