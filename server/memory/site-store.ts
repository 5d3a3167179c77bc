import type { sites as StoredSite } from '../../prisma/generated/client.ts'
import type { Database } from './database.ts'
import type { SiteRow, SiteStore } from './embed-ports.ts'
import { safeNumber } from './rows.ts'

/** The statements are whole, so that no name is ever pasted into one. */
const COUNT = {
  asked: `INSERT INTO site_days (site_id, day, asked) VALUES ($1, $2, 1)
    ON CONFLICT (site_id, day) DO UPDATE SET asked = site_days.asked + 1`,
  consented: `INSERT INTO site_days (site_id, day, consented) VALUES ($1, $2, 1)
    ON CONFLICT (site_id, day) DO UPDATE SET consented = site_days.consented + 1`,
  stopped: `INSERT INTO site_days (site_id, day, stopped) VALUES ($1, $2, 1)
    ON CONFLICT (site_id, day) DO UPDATE SET stopped = site_days.stopped + 1`,
} as const

/** Partners' sites in PostgreSQL. */
export function createSiteStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): SiteStore {
  return {
    create: (site, most) =>
      prisma.$transaction(async (tx) => {
        // One creation of an owner at a time, or two could both see room for the last site.
        await tx.$queryRaw`SELECT 1 FROM owners WHERE id = ${site.owner_id}::uuid FOR UPDATE`
        if ((await tx.sites.count({ where: { owner_id: site.owner_id } })) >= most) return undefined
        return siteRow(
          await tx.sites.create({ data: { ...site, allowed_origins: [...site.allowed_origins] } }),
        )
      }),

    async get(id) {
      const row = await prisma.sites.findUnique({ where: { id } })
      return row === null ? undefined : siteRow(row)
    },

    async byKey(site_key) {
      const row = await prisma.sites.findUnique({ where: { site_key } })
      return row === null ? undefined : siteRow(row)
    },

    async list(owner_id) {
      const rows = await prisma.sites.findMany({
        where: { owner_id },
        orderBy: [{ created_at: 'asc' }, { id: 'asc' }],
      })
      return rows.map(siteRow)
    },

    async update(id, { allowed_origins, ...change }) {
      const data = {
        ...change,
        ...(allowed_origins === undefined ? {} : { allowed_origins: [...allowed_origins] }),
      }
      const [row] = await prisma.sites.updateManyAndReturn({ where: { id }, data })
      return row === undefined ? undefined : siteRow(row)
    },

    async count(siteId, what, at) {
      await pool.query(COUNT[what], [siteId, isoDay(at)])
    },

    async days(site_id, from) {
      const rows = await prisma.site_days.findMany({
        where: { site_id, day: { gte: new Date(isoDay(from)) } },
        orderBy: { day: 'asc' },
      })
      return rows.map(({ day, asked, consented, stopped }) => ({
        day: isoDay(day),
        asked,
        consented,
        stopped,
      }))
    },

    async totals(site_id) {
      const { _sum } = await prisma.site_days.aggregate({
        where: { site_id },
        _sum: { asked: true, consented: true, stopped: true },
      })
      return { asked: _sum.asked ?? 0, consented: _sum.consented ?? 0, stopped: _sum.stopped ?? 0 }
    },

    async earned(siteId) {
      const { rows } = await pool.query<{ credits: string }>(
        `SELECT coalesce(sum(amount), 0) AS credits FROM credit_transfers
         WHERE site_id = $1 AND code = 'site' AND flag = 'posted'`,
        [siteId],
      )
      return safeNumber(rows[0]?.credits ?? '0')
    },

    async ofAgents(tx, agents) {
      const { rows } = await tx.query<{ agent: string; site_id: string; owner_id: string }>(
        `SELECT a.id AS agent, s.id AS site_id, s.owner_id FROM agents AS a JOIN sites AS s ON s.id = a.site_id
         WHERE a.id = ANY ($1::bpchar[])`,
        [agents],
      )
      return new Map(rows.map(({ agent, site_id, owner_id }) => [agent, { site_id, owner_id }]))
    },

    async work(site_id) {
      const { _sum, _count } = await prisma.agents.aggregate({
        where: { site_id },
        _sum: { shards: true },
        _count: true,
      })
      return { agents: _count, shards: safeNumber(_sum.shards ?? 0n) }
    },
  }
}

function isoDay(at: Date): string {
  return at.toISOString().slice(0, 10)
}

function siteRow(row: StoredSite): SiteRow {
  return row
}
