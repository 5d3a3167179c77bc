import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'
import { probeReport } from '../../kernel/probe-report.ts'
import { EXECUTOR_KINDS } from '../../kernel/receipt.ts'
import type { Prisma } from '../../prisma/generated/client.ts'
import { succeedAgent } from './agent-succession.ts'
import type { Database } from './database.ts'
import type { AgentRow, AgentStore } from './ports/agents.ts'
import { safeNumber } from './rows.ts'

const executorKind = z.enum(EXECUTOR_KINDS)
const WHOLE = { executors: true, ops: true } as const satisfies Prisma.agentsInclude

/** Agents by key in PostgreSQL. */
export function createAgentStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): AgentStore {
  return {
    async enrolled({ id, public_key, owner_id, executor, label, software, site_id }, probe) {
      const tried = probe.filter(({ kind }) => kind !== executor)
      const own = probe.find(({ kind }) => kind === executor)
      // One statement, so one flush of the disk: many agents come at once when a hub restarts.
      const { rowCount } = await pool.query(
        `WITH enrolled AS (
           INSERT INTO agents (id, owner_id, executor, label, software, site_id, public_key)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (id) DO UPDATE SET
             public_key = coalesce(agents.public_key, excluded.public_key), executor = excluded.executor, label = excluded.label, software = excluded.software, last_seen = now(),
             owner_id = CASE WHEN 2 = (SELECT count(*) FROM owners
                                       WHERE kind = 'network' AND id IN (agents.owner_id, excluded.owner_id))
                             THEN excluded.owner_id ELSE agents.owner_id END
           WHERE agents.revoked_at IS NULL AND agents.site_id IS NOT DISTINCT FROM excluded.site_id
           RETURNING id
         )
         INSERT INTO agent_executors AS e (agent_id, executor, label, last_seen, probe)
         SELECT enrolled.id, w.executor, w.label, CASE WHEN w.executor = $3 THEN now() END, w.probe
         FROM enrolled, unnest($8::text[], $9::text[], $10::jsonb[]) AS w (executor, label, probe)
         ON CONFLICT (agent_id, executor) DO UPDATE SET
           label = excluded.label,
           last_seen = coalesce(excluded.last_seen, e.last_seen),
           probe = coalesce(excluded.probe, e.probe)`,
        [
          id,
          owner_id,
          executor,
          label,
          software,
          site_id,
          public_key === undefined ? null : Buffer.from(public_key),
          [executor, ...tried.map(({ kind }) => kind)],
          [label, ...tried.map((report) => report.label)],
          [own === undefined ? null : JSON.stringify(own), ...tried.map((report) => JSON.stringify(report))],
        ],
      )
      if (rowCount === 0) {
        const known = await prisma.agents.findUnique({ where: { id }, select: { site_id: true } })
        if (known?.site_id === site_id) return false
        throw new ForgeError('FORBIDDEN', 'this agent key belongs to another site', {
          hint: 'Enrol with a new key: an agent computes for one site, or for none.',
        })
      }
      return true
    },

    async credit(work) {
      if (work.length === 0) return
      // Summed first: an UPDATE … FROM or an upsert takes only one of several rows for the same key.
      await pool.query(
        `WITH work AS (
           SELECT * FROM unnest($1::text[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::bigint[])
             AS w (id, owner_id, executor, job_id, shards, leases)
         ), executors AS (
           INSERT INTO agent_executors AS e (agent_id, executor, label, shards, leases, last_seen)
           SELECT id, executor, '', sum(shards), sum(leases), now() FROM work GROUP BY id, executor ORDER BY 1, 2
           ON CONFLICT (agent_id, executor) DO UPDATE SET
             shards = e.shards + excluded.shards, leases = e.leases + excluded.leases, last_seen = now()
         ), ops AS (
           INSERT INTO agent_ops AS o (agent_id, op, shards)
           SELECT w.id, j.op, sum(w.shards) FROM work AS w JOIN jobs AS j ON j.id = w.job_id GROUP BY w.id, j.op ORDER BY 1, 2
           ON CONFLICT (agent_id, op) DO UPDATE SET shards = o.shards + excluded.shards
         )
         UPDATE agents SET shards = agents.shards + v.shards, leases = agents.leases + v.leases, last_seen = now(),
           owner_id = CASE WHEN v.account IS NOT NULL
                             AND EXISTS (SELECT FROM owners WHERE id = agents.owner_id AND kind = 'network')
                           THEN v.account ELSE agents.owner_id END
         FROM (SELECT w.id, sum(w.shards) AS shards, sum(w.leases) AS leases,
                      (array_agg(o.id) FILTER (WHERE o.kind = 'account'))[1] AS account
               FROM work AS w LEFT JOIN owners AS o ON o.id = w.owner_id
               GROUP BY w.id ORDER BY w.id) AS v
         WHERE agents.id = v.id`,
        [
          work.map(({ id }) => id),
          work.map(({ owner_id }) => owner_id),
          work.map(({ executor }) => executor),
          work.map(({ job_id }) => job_id),
          work.map(({ shards }) => shards),
          work.map(({ leases }) => leases),
        ],
      )
    },

    async get(id) {
      const row = await prisma.agents.findUnique({ where: { id }, include: WHOLE })
      return row === null ? undefined : agentRow(row)
    },

    async ofOwner(owner_id, limit) {
      const rows = await prisma.agents.findMany({
        where: { owner_id },
        include: WHOLE,
        orderBy: [{ last_seen: 'desc' }, { id: 'asc' }],
        take: limit,
      })
      return rows.map(agentRow)
    },

    async rename(id, owner_id, name) {
      const { count } = await prisma.agents.updateMany({ where: { id, owner_id }, data: { name } })
      return count === 1
    },

    succeed: (succession) => succeedAgent(pool, succession),

    async revoke(id, owner_id) {
      const { rowCount } = await pool.query(
        'UPDATE agents SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1 AND owner_id = $2',
        [id, owner_id],
      )
      return rowCount === 1
    },
  }
}

function agentRow(row: Prisma.agentsGetPayload<{ include: typeof WHOLE }>): AgentRow {
  const { executors, ops, public_key: _, ...agent } = row
  return {
    ...agent,
    executor: executorKind.parse(agent.executor),
    shards: safeNumber(agent.shards),
    leases: safeNumber(agent.leases),
    executors: executors
      .map(({ executor, label, shards, leases, last_seen, probe }) => ({
        executor: executorKind.parse(executor),
        label,
        shards: safeNumber(shards),
        leases: safeNumber(leases),
        last_seen,
        probe: probeReport.nullable().parse(probe),
      }))
      .sort((a, b) => (b.last_seen?.getTime() ?? 0) - (a.last_seen?.getTime() ?? 0)),
    ops: ops
      .map(({ op, shards }) => ({ op, shards: safeNumber(shards) }))
      .sort((a, b) => b.shards - a.shards || (a.op < b.op ? -1 : 1)),
  }
}
