import type { Database } from './database.ts'
import { safeNumber } from './rows.ts'

/** A hub that has not said anything for so long is taken for gone. */
const BEAT_LIMIT_S = 15
/** Nothing that is committed becomes visible so late that a reader who looks back so far would miss it. */
const LOOK_BACK_S = 60
const NEWS_KEPT_HOURS = 24

/** A hub's row, as another hub reads it. */
export interface StoredHub {
  readonly epoch: number
  readonly status: unknown
}

export interface StoredPart {
  readonly epoch: number
  readonly job_id: string
  readonly part: unknown
}

export interface StoredNews {
  readonly id: number
  readonly body: unknown
}

/** What the hubs of one database tell each other through it. Whoever reads it parses what the columns hold. */
export interface ClusterStore {
  /** Says that the hub is there. @returns the others that are */
  beat(epoch: number, status: object): Promise<readonly StoredHub[]>
  /** The hub goes: nobody waits for it. */
  leave(epoch: number): Promise<void>
  /** Stores the hub's parts in jobs; those of jobs that have ended are dropped. */
  share(epoch: number, parts: readonly { readonly job_id: string; readonly part: object }[]): Promise<void>
  /** Parts of all other hubs, also of those that are gone, that have changed since the last call; at first all. */
  parts(epoch: number): Promise<readonly StoredPart[]>
  /** What has been written since the last call, each once; the first call gives nothing. */
  news(): Promise<readonly StoredNews[]>
  /** Ids of all jobs that have not ended, oldest first. */
  unfinished(): Promise<readonly string[]>
  /** Forgets what nobody needs any more. */
  sweep(): Promise<void>
}

export function createClusterStore({ pool }: Pick<Database, 'pool'>): ClusterStore {
  let partsRead = new Date(0)
  /** News that was read, by id; what is older than `floor` will not appear any more. */
  const known = new Map<number, Date>()
  let floor: number | undefined

  return {
    async beat(epoch, status) {
      const { rows } = await pool.query<{ epoch: string; status: unknown }>(
        `WITH own AS (
           INSERT INTO hub_beats (epoch, status) VALUES ($1, $2::jsonb)
           ON CONFLICT (epoch) DO UPDATE SET status = excluded.status, beat_at = clock_timestamp())
         SELECT epoch, status FROM hub_beats
         WHERE epoch <> $1 AND beat_at > clock_timestamp() - make_interval(secs => ${BEAT_LIMIT_S})`,
        [epoch, JSON.stringify(status)],
      )
      return rows.map((row) => ({ epoch: safeNumber(row.epoch), status: row.status }))
    },

    async leave(epoch) {
      await pool.query('DELETE FROM hub_beats WHERE epoch = $1', [epoch])
    },

    async share(epoch, parts) {
      if (parts.length === 0) return
      await pool.query(
        `INSERT INTO hub_parts (epoch, job_id, part)
         SELECT $1, j.id, v.part::jsonb FROM unnest($2::uuid[], $3::text[]) AS v (job_id, part)
         JOIN jobs j ON j.id = v.job_id AND j.state IN ('submitted', 'planned', 'running', 'verifying')
         ON CONFLICT (epoch, job_id) DO UPDATE SET part = excluded.part, updated_at = clock_timestamp()`,
        [epoch, parts.map(({ job_id }) => job_id), parts.map(({ part }) => JSON.stringify(part))],
      )
    },

    async parts(epoch) {
      const { rows } = await pool.query<{ epoch: string; job_id: string; part: unknown; updated_at: Date }>(
        `SELECT epoch, job_id, part, updated_at FROM hub_parts
         WHERE epoch <> $1 AND updated_at > $2::timestamptz - make_interval(secs => ${LOOK_BACK_S / 10})`,
        [epoch, partsRead],
      )
      for (const { updated_at } of rows) if (updated_at > partsRead) partsRead = updated_at
      return rows.map((row) => ({ epoch: safeNumber(row.epoch), job_id: row.job_id, part: row.part }))
    },

    async news() {
      if (floor === undefined) {
        const first = await pool.query<{ id: string; created_at: Date; is_old: boolean }>(
          `SELECT id, created_at, false AS is_old FROM hub_news
             WHERE created_at > clock_timestamp() - make_interval(secs => ${LOOK_BACK_S})
           UNION ALL SELECT max(id), now(), true FROM hub_news
             WHERE created_at <= clock_timestamp() - make_interval(secs => ${LOOK_BACK_S}) HAVING count(*) > 0`,
        )
        floor = 0
        for (const { id, created_at, is_old } of first.rows) {
          if (is_old) floor = safeNumber(id)
          else known.set(safeNumber(id), created_at)
        }
        return []
      }
      const { rows } = await pool.query<{ id: string; body: unknown; created_at: Date; now: Date }>(
        'SELECT id, body, created_at, clock_timestamp() AS now FROM hub_news WHERE id > $1 ORDER BY id',
        [floor],
      )
      const fresh = rows
        .map(({ id, body, created_at }) => ({ id: safeNumber(id), body, created_at }))
        .filter(({ id }) => !known.has(id))
      for (const { id, created_at } of fresh) known.set(id, created_at)
      const now = rows[0]?.now ?? new Date(0)
      // Numbers are drawn before their transactions commit: a smaller one may still become visible after a greater one.
      for (const [id, created_at] of known) {
        if (now.getTime() - created_at.getTime() < 1000 * LOOK_BACK_S) continue
        floor = Math.max(floor, id)
        known.delete(id)
      }
      return fresh.map(({ id, body }) => ({ id, body }))
    },

    async unfinished() {
      const { rows } = await pool.query<{ id: string }>(
        `SELECT id FROM jobs WHERE state IN ('submitted', 'planned', 'running', 'verifying') ORDER BY created_at, id`,
      )
      return rows.map(({ id }) => id)
    },

    async sweep() {
      await pool.query(
        `WITH parts AS (DELETE FROM hub_parts p USING jobs j
           WHERE j.id = p.job_id AND j.state IN ('settled', 'failed', 'cancelled', 'expired')),
         beats AS (DELETE FROM hub_beats WHERE beat_at < now() - interval '1 day')
         DELETE FROM hub_news WHERE created_at < now() - make_interval(hours => ${NEWS_KEPT_HOURS})`,
      )
    },
  }
}
