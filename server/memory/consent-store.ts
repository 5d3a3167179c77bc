import type { Database } from './database.ts'
import type { ChallengeStore, ConsentEnd, ConsentStore } from './embed-ports.ts'

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

    async ended(tokenHashes, at) {
      const { rows } = await pool.query<{ token_hash: string; why: ConsentEnd }>(
        `SELECT w.token_hash, CASE WHEN NOT s.enabled THEN 'switched_off'
                                   WHEN c.expires_at <= $2 THEN 'expired' ELSE 'stopped' END AS why
         FROM unnest($1::bpchar[]) AS w (token_hash)
           LEFT JOIN embed_consents AS c ON c.token_hash = w.token_hash
           LEFT JOIN sites AS s ON s.id = c.site_id
         WHERE c.stopped_at IS NOT NULL OR c.expires_at <= $2 OR NOT s.enabled OR c.token_hash IS NULL`,
        [tokenHashes, at],
      )
      return new Map(rows.map(({ token_hash, why }) => [token_hash, why]))
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
