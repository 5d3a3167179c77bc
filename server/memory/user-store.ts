import type { Database } from './database.ts'
import type { UserStore } from './ports.ts'

/** People who sign in, in PostgreSQL. Better Auth writes them; this reads them. */
export function createUserStore({ prisma }: Pick<Database, 'prisma'>): UserStore {
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
  }
}
