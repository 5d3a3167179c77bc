import { z } from 'zod'
import type { tokens as StoredToken } from '../../prisma/generated/client.ts'
import type { Database } from './database.ts'
import { ownerRow } from './owner-store.ts'
import type { TokenKind, TokenRow, TokenStore } from './ports/tokens.ts'

const tokenKind = z.enum(['api_key', 'node_token', 'house'])

/** Tokens in PostgreSQL, by their SHA-256. */
export function createTokenStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): TokenStore {
  return {
    async add({ hash, ...token }) {
      return tokenRow(await prisma.tokens.create({ data: { token_hash: hash, ...token } }))
    },

    async find(hash) {
      const stored = await prisma.tokens.findUnique({ where: { token_hash: hash }, include: { owner: true } })
      return stored === null ? undefined : { token: tokenRow(stored), owner: ownerRow(stored.owner) }
    },

    async used(id, at) {
      await pool.query('UPDATE tokens SET last_used_at = $2 WHERE id = $1', [id, at])
    },

    async list(ownerId, kind) {
      const rows = await prisma.tokens.findMany({
        where: { owner_id: ownerId, kind },
        orderBy: [{ created_at: 'desc' }, { id: 'desc' }],
      })
      return rows.map(tokenRow)
    },

    async get(id) {
      const stored = await prisma.tokens.findUnique({ where: { id } })
      return stored === null ? undefined : tokenRow(stored)
    },

    async revoke(id) {
      const { rowCount } = await pool.query(
        'UPDATE tokens SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL',
        [id],
      )
      return rowCount === 1
    },
  }
}

function tokenRow(stored: StoredToken): TokenRow {
  const { id, owner_id, name, prefix, created_at, last_used_at, revoked_at } = stored
  const kind: TokenKind = tokenKind.parse(stored.kind)
  return { id, owner_id, kind, name, prefix, created_at, last_used_at, revoked_at }
}
