import type { Database } from './database.ts'
import type { ChallengeStore, ConsentStore } from './embed-ports.ts'

/** Visitors' consents in PostgreSQL. Times are the caller's, so that one clock decides. */
export function createConsentStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): ConsentStore {
  return {
    async add(consent) {
      await prisma.embed_consents.create({ data: consent })
    },

    async get(token_hash) {
      return (await prisma.embed_consents.findUnique({ where: { token_hash } })) ?? undefined
    },

    async stop(token_hash, at) {
      const [row] = await prisma.embed_consents.updateManyAndReturn({
        where: { token_hash, stopped_at: null },
        data: { stopped_at: at },
      })
      return row
    },

    async holding(tokenHashes, at) {
      if (tokenHashes.length === 0) return new Set()
      const { rows } = await pool.query<{ token_hash: string }>(
        `SELECT c.token_hash FROM embed_consents AS c JOIN sites AS s ON s.id = c.site_id
         WHERE c.token_hash = ANY ($1::bpchar[]) AND c.stopped_at IS NULL AND c.expires_at > $2 AND s.enabled`,
        [tokenHashes, at],
      )
      return new Set(rows.map(({ token_hash }) => token_hash))
    },
  }
}

/** Redeemed challenges in PostgreSQL, kept until they would have expired anyway. */
export function createChallengeStore({ pool }: Pick<Database, 'pool'>): ChallengeStore {
  return {
    async spend(nonce, expiresAt) {
      await pool.query("DELETE FROM spent_challenges WHERE expires_at < now() - interval '1 minute'")
      const { rowCount } = await pool.query(
        'INSERT INTO spent_challenges (nonce, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING',
        [nonce, expiresAt],
      )
      return rowCount === 1
    },
  }
}
