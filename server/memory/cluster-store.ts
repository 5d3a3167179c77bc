import { invariant } from '../../kernel/errors.ts'
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

/** A hub's part in a job. */
export interface OwnPart {
  readonly job_id: string
  readonly part: object
}

/** What a hub hears when it asks. */
export interface ClusterNews {
  /** The other hubs that are there. */
  readonly hubs: readonly StoredHub[]
  /** What has been written since it last asked, each once. */
  readonly news: readonly StoredNews[]
  /** Parts of all other hubs, also of those that are gone, that have changed since it last asked; at first all. */
  readonly parts: readonly StoredPart[]
  /** Ids of all jobs that have not ended, oldest first. */
  readonly unfinished: readonly string[]
}

/** What the hubs of one database tell each other through it. Whoever reads it parses what the columns hold. */
export interface ClusterStore {
  /**
   * Says that the hub is there, stores its parts in jobs, those that have ended left out, and hears of everything else: one
   * statement, for every hub asks every few seconds.
   */
  poll(epoch: number, status: object, parts: readonly OwnPart[]): Promise<ClusterNews>
  /** Only what has been written since the last call of this or of `poll`; the first call gives nothing. */
  news(): Promise<readonly StoredNews[]>
  /** The hub goes, and leaves its parts: nobody waits for it. */
  leave(epoch: number, parts: readonly OwnPart[]): Promise<void>
  /** Forgets what nobody needs any more. */
  sweep(): Promise<void>
}

const UNFINISHED = `state IN ('submitted', 'planned', 'running', 'verifying')`
const SHARED = `shared AS (
  INSERT INTO hub_parts (epoch, job_id, part)
  SELECT $1, j.id, v.part::jsonb FROM unnest($2::uuid[], $3::text[]) AS v (job_id, part)
  JOIN jobs j ON j.id = v.job_id AND j.${UNFINISHED}
  ON CONFLICT (epoch, job_id) DO UPDATE SET part = excluded.part, updated_at = clock_timestamp())`
/** Milliseconds of a time. */
const ms = (column: string) => `(extract(epoch FROM ${column}) * 1000)::float8`
const rowsOf = (object: string, from: string) =>
  `(SELECT coalesce(jsonb_agg(jsonb_build_object(${object})), '[]') FROM ${from})`

const POLL = `WITH ${SHARED},
  own AS (
    INSERT INTO hub_beats (epoch, status) VALUES ($1, $4::jsonb)
    ON CONFLICT (epoch) DO UPDATE SET status = excluded.status, beat_at = clock_timestamp())
  SELECT ${ms('clock_timestamp()')} AS now_ms,
    ${rowsOf(
      `'epoch', epoch::text, 'status', status`,
      `hub_beats WHERE epoch <> $1 AND beat_at > clock_timestamp() - make_interval(secs => ${BEAT_LIMIT_S})`,
    )} AS hubs,
    ${rowsOf(
      `'id', id::text, 'body', body, 'created_ms', ${ms('created_at')}`,
      '(SELECT * FROM hub_news WHERE id > $5::bigint ORDER BY id) AS news',
    )} AS news,
    ${rowsOf(
      `'epoch', epoch::text, 'job_id', job_id, 'part', part, 'updated_ms', ${ms('updated_at')}`,
      `hub_parts WHERE epoch <> $1 AND updated_at > to_timestamp($6::float8 / 1000) - make_interval(secs => ${LOOK_BACK_S / 10})`,
    )} AS parts,
    (SELECT coalesce(array_agg(id::text ORDER BY created_at, id), '{}') FROM jobs WHERE ${UNFINISHED}) AS unfinished`

interface NewsRow {
  readonly id: string
  readonly body: unknown
  readonly created_ms: number
}

interface PollRow {
  readonly now_ms: number
  readonly hubs: readonly { readonly epoch: string; readonly status: unknown }[]
  readonly news: readonly NewsRow[]
  readonly parts: readonly (Omit<StoredPart, 'epoch'> & {
    readonly epoch: string
    readonly updated_ms: number
  })[]
  readonly unfinished: readonly string[]
}

export function createClusterStore({ pool }: Pick<Database, 'pool'>): ClusterStore {
  let parts_ms = 0
  /** When the news was written that has been read, by id; what is older than `floor` will not appear any more. */
  const known = new Map<number, number>()
  let floor: number | undefined

  /** What was written before is not news. */
  const beginNews = async (): Promise<number> => {
    const { rows } = await pool.query<{ id: string; created_ms: number; is_old: boolean }>(
      `SELECT id, ${ms('created_at')} AS created_ms, false AS is_old FROM hub_news
         WHERE created_at > clock_timestamp() - make_interval(secs => ${LOOK_BACK_S})
       UNION ALL SELECT max(id), 0, true FROM hub_news
         WHERE created_at <= clock_timestamp() - make_interval(secs => ${LOOK_BACK_S}) HAVING count(*) > 0`,
    )
    let oldest = 0
    for (const { id, created_ms, is_old } of rows) {
      if (is_old) oldest = safeNumber(id)
      else known.set(safeNumber(id), created_ms)
    }
    floor = oldest
    return oldest
  }

  const takeNews = (rows: readonly NewsRow[], now_ms: number): readonly StoredNews[] => {
    const fresh = rows
      .map(({ id, body, created_ms }) => ({ id: safeNumber(id), body, created_ms }))
      .filter(({ id }) => !known.has(id))
    for (const { id, created_ms } of fresh) known.set(id, created_ms)
    // Numbers are drawn before their transactions commit: a smaller one may still become visible after a greater one.
    for (const [id, created_ms] of known) {
      if (now_ms - created_ms < 1000 * LOOK_BACK_S) continue
      floor = Math.max(floor ?? 0, id)
      known.delete(id)
    }
    return fresh.map(({ id, body }) => ({ id, body }))
  }

  const columns = (parts: readonly OwnPart[]) => [
    parts.map(({ job_id }) => job_id),
    parts.map(({ part }) => JSON.stringify(part)),
  ]

  return {
    async poll(epoch, status, own) {
      const after = floor ?? (await beginNews())
      const { rows } = await pool.query<PollRow>(POLL, [
        epoch,
        ...columns(own),
        JSON.stringify(status),
        after,
        parts_ms,
      ])
      const [row] = rows
      invariant(row !== undefined, 'a poll has an answer')
      for (const { updated_ms } of row.parts) parts_ms = Math.max(parts_ms, updated_ms)
      return {
        hubs: row.hubs.map((hub) => ({ epoch: safeNumber(hub.epoch), status: hub.status })),
        news: takeNews(row.news, row.now_ms),
        parts: row.parts.map(({ job_id, part, ...of }) => ({ epoch: safeNumber(of.epoch), job_id, part })),
        unfinished: row.unfinished,
      }
    },

    async news() {
      if (floor === undefined) {
        await beginNews()
        return []
      }
      const { rows } = await pool.query<NewsRow & { now_ms: number }>(
        `SELECT id, body, ${ms('created_at')} AS created_ms, ${ms('clock_timestamp()')} AS now_ms
         FROM hub_news WHERE id > $1 ORDER BY id`,
        [floor],
      )
      return takeNews(rows, rows[0]?.now_ms ?? 0)
    },

    async leave(epoch, own) {
      await pool.query(`WITH ${SHARED} DELETE FROM hub_beats WHERE epoch = $1`, [epoch, ...columns(own)])
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
