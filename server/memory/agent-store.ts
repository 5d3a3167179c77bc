import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'
import { EXECUTOR_KINDS } from '../../kernel/receipt.ts'
import type { agents as StoredAgent } from '../../prisma/generated/client.ts'
import type { Database } from './database.ts'
import type { AgentRow, AgentStore } from './ports.ts'
import { safeNumber } from './rows.ts'

const executorKind = z.enum(EXECUTOR_KINDS)

/** Agents by key in PostgreSQL. */
export function createAgentStore({ pool, prisma }: Pick<Database, 'pool' | 'prisma'>): AgentStore {
  return {
    async enrolled({ id, owner_id, executor, label, software, site_id }) {
      // One statement, so that of two first enrolments at once only one names the key's site.
      const { rowCount } = await pool.query(
        `INSERT INTO agents (id, owner_id, executor, label, software, site_id) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (id) DO UPDATE SET owner_id = excluded.owner_id, executor = excluded.executor,
           label = excluded.label, software = excluded.software, last_seen = now()
         WHERE agents.site_id IS NOT DISTINCT FROM excluded.site_id`,
        [id, owner_id, executor, label, software, site_id],
      )
      if (rowCount !== 1) {
        throw new ForgeError('FORBIDDEN', 'this agent key belongs to another site', {
          hint: 'Enrol with a new key: an agent computes for one site, or for none.',
        })
      }
    },

    async credit(work) {
      if (work.length === 0) return
      // Summed first: UPDATE … FROM takes only one of several rows for the same agent.
      await pool.query(
        `UPDATE agents SET shards = agents.shards + v.shards, leases = agents.leases + v.leases, last_seen = now()
         FROM (SELECT id, sum(shards) AS shards, sum(leases) AS leases
               FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS w (id, shards, leases)
               GROUP BY id ORDER BY id) AS v
         WHERE agents.id = v.id`,
        [work.map(({ id }) => id), work.map(({ shards }) => shards), work.map(({ leases }) => leases)],
      )
    },

    async get(id) {
      const row = await prisma.agents.findUnique({ where: { id } })
      return row === null ? undefined : agentRow(row)
    },
  }
}

function agentRow(row: StoredAgent): AgentRow {
  return {
    ...row,
    executor: executorKind.parse(row.executor),
    shards: safeNumber(row.shards),
    leases: safeNumber(row.leases),
  }
}
