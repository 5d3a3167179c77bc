import { CORE_LIMITS } from '../core/limits.ts'
import type { Database } from './database.ts'
import type { UserStore } from './ports/users.ts'
import { inTransaction } from './transaction.ts'

/** People who sign in, in PostgreSQL. Better Auth writes them; this reads them. */
export function createUserStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): UserStore {
  return {
    async get(id) {
      const row = await prisma.users.findUnique({ where: { id } })
      if (row === null) return undefined
      return {
        id: row.id,
        name: row.name,
        email: row.email,
        emailVerified: row.email_verified,
        isGuest: row.is_anonymous,
        createdAt: row.created_at,
      }
    },

    async sessions(userId) {
      const rows = await prisma.sessions.findMany({
        where: { user_id: userId, expires_at: { gt: new Date() } },
        orderBy: [{ created_at: 'desc' }, { id: 'desc' }],
        take: CORE_LIMITS.sessions_listed,
      })
      return rows.map((row) => ({
        id: row.id,
        createdAt: row.created_at,
        updatedAt: row.updated_at,
        address: row.ip_address,
        userAgent: row.user_agent,
      }))
    },

    async endSession(userId, id) {
      const { count } = await prisma.sessions.deleteMany({ where: { id, user_id: userId } })
      return count === 1
    },

    async endSessions(userId) {
      return (await prisma.sessions.deleteMany({ where: { user_id: userId } })).count
    },

    erase: (userId, ownerId) =>
      inTransaction(pool, async (tx) => {
        await tx.query('UPDATE tokens SET revoked_at = coalesce(revoked_at, now()) WHERE owner_id = $1', [
          ownerId,
        ])
        await tx.query('DELETE FROM blob_uploads WHERE owner_id = $1', [ownerId])
        await tx.query('UPDATE agents SET name = NULL WHERE owner_id = $1', [ownerId])
        await tx.query('DELETE FROM verifications WHERE value = $1', [userId])
        await tx.query(`UPDATE owners SET label = 'erased', user_id = NULL WHERE id = $1`, [ownerId])
        await tx.query('DELETE FROM users WHERE id = $1', [userId])
      }),
  }
}
