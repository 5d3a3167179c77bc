import { z } from 'zod'
import { EXECUTOR_KINDS, type ExecutorKind } from '../../kernel/receipt.ts'
import {
  APPEAL_INTERVAL_HOURS,
  checksAfter,
  probationChecks,
  quarantineHours,
} from '../../kernel/verification/reputation.ts'
import type { Database } from './database.ts'
import { safeNumber } from './rows.ts'
import { inTransaction, type Transaction } from './transaction.ts'

/** What an agent on one executor is let in with, or why not. */
export type Admission =
  | {
      readonly t: 'admitted'
      readonly checks: number
      readonly probation: number
      /** Its owner is an account: a new key would cost him one. */
      readonly blacklistable: boolean
    }
  | { readonly t: 'quarantined'; readonly until: Date; readonly reason: string }
  /** The term is over, but its own probe of this executor did not pass. */
  | { readonly t: 'unmended'; readonly reason: string }

export interface TrustRow {
  readonly executor: ExecutorKind
  readonly checks: number
  readonly valid: number
  readonly invalid: number
  readonly probation: number
  readonly quarantined_until: Date | null
  readonly may_appeal: boolean
}

export interface IncidentRow {
  readonly executor: ExecutorKind
  readonly reason: string
  readonly job_id: string | null
  readonly created_at: Date
}

export interface CheckedResults {
  readonly agent: string
  readonly executor: ExecutorKind
  readonly valid: number
}

export interface Incident {
  readonly agent: string
  readonly executor: ExecutorKind
  readonly reason: string
  readonly job_id: string | undefined
}

/** The reputation of agents by key and executor. The rules stand in kernel/verification/reputation.ts. */
export interface TrustStore {
  /** To be asked for an agent that is stored already. Lets one in again whose quarantine is over and whose probe passes. */
  admit(
    agent: string,
    executor: ExecutorKind,
    said: { readonly ownerId: string; readonly probePassed: boolean },
  ): Promise<Admission>
  /** Adds results that a check found right, many agents in one statement. */
  passed(results: readonly CheckedResults[]): Promise<void>
  /** Stores wrong results: each ends what the agent was trusted with and begins or prolongs its quarantine. */
  failed(incidents: readonly Incident[]): Promise<void>
  /** Wrong results of these agents that are stored since then. */
  incidents(
    agents: readonly string[],
    since: Date,
  ): Promise<readonly { readonly id: number; readonly agent: string; readonly executor: ExecutorKind }[]>
  /** Of these agents on these executors those that were found wrong since. */
  failedSince(
    who: readonly Pick<Incident, 'agent' | 'executor'>[],
    since: Date,
  ): Promise<readonly Pick<Incident, 'agent' | 'executor'>[]>
  /** Ends the quarantine now: once in APPEAL_INTERVAL_HOURS. @returns false when it is not in quarantine, or too early */
  appeal(agent: string, executor: ExecutorKind): Promise<boolean>
  /** Of each of these agents: its standings, and its newest incidents first. */
  ofAgents(
    agents: readonly string[],
  ): Promise<
    ReadonlyMap<string, { readonly trust: readonly TrustRow[]; readonly incidents: readonly IncidentRow[] }>
  >
}

const executorKind = z.enum(EXECUTOR_KINDS)
const INCIDENTS_SHOWN = 10
const REASON_CHARS_MAX = 200

interface StoredTrust {
  readonly checks: string
  readonly invalid: number
  readonly probation: number
  readonly idle_days: number
  readonly quarantined_until: Date | null
  readonly over: boolean
  readonly has_appealed: boolean
}

export function createTrustStore({ pool }: Pick<Database, 'pool'>): TrustStore {
  return {
    async admit(agent, executor, said) {
      // Nearly always there is no quarantine, and nothing to write: one statement then. It waits for a finding under way.
      const { rows } = await pool.query<
        Pick<StoredTrust, 'checks' | 'probation' | 'idle_days'> & { kind: string }
      >(
        `SELECT o.kind, coalesce(t.checks, 0) AS checks, coalesce(t.probation, 0) AS probation,
           greatest(0, coalesce(extract(epoch FROM now() - t.checked_at) / 86400, 0))::float8 AS idle_days
         FROM owners AS o LEFT JOIN LATERAL (
           SELECT checks, probation, checked_at, quarantined_until
           FROM agent_trust WHERE agent_id = $1 AND executor = $2 FOR UPDATE
         ) AS t ON true
         WHERE o.id = $3 AND t.quarantined_until IS NULL`,
        [agent, executor, said.ownerId],
      )
      const [free] = rows
      if (free !== undefined) {
        const checks = checksAfter(safeNumber(free.checks), free.idle_days)
        return { t: 'admitted', checks, probation: free.probation, blacklistable: free.kind === 'account' }
      }
      return inTransaction(pool, async (tx) => {
        const kind = await tx.query<{ kind: string }>('SELECT kind FROM owners WHERE id = $1', [said.ownerId])
        const blacklistable = kind.rows[0]?.kind === 'account'
        const { rows } = await tx.query<StoredTrust>(
          `SELECT checks, invalid, probation, quarantined_until, coalesce(quarantined_until <= now(), false) AS over,
             greatest(0, extract(epoch FROM now() - checked_at) / 86400)::float8 AS idle_days,
             coalesce(appealed_at > quarantined_until - interval '1 second', false) AS has_appealed
           FROM agent_trust WHERE agent_id = $1 AND executor = $2 FOR UPDATE`,
          [agent, executor],
        )
        const [known] = rows
        if (known === undefined) return { t: 'admitted', checks: 0, probation: 0, blacklistable }
        if (known.quarantined_until === null) {
          const checks = checksAfter(safeNumber(known.checks), known.idle_days)
          return { t: 'admitted', checks, probation: known.probation, blacklistable }
        }
        const reason = await lastReason(tx, agent, executor)
        if (!known.over) return { t: 'quarantined', until: known.quarantined_until, reason }
        if (!said.probePassed) return { t: 'unmended', reason }
        const probation = probationChecks(known.has_appealed)
        await tx.query(
          `UPDATE agent_trust SET quarantined_until = NULL, checks = 0, probation = $3, checked_at = now()
           WHERE agent_id = $1 AND executor = $2`,
          [agent, executor, probation],
        )
        return { t: 'admitted', checks: 0, probation, blacklistable }
      })
    },

    async passed(results) {
      if (results.length === 0) return
      // What has faded since is halved here as `checksAfter` has it, so that a long pause is not forgotten by one check.
      await pool.query(
        `INSERT INTO agent_trust AS t (agent_id, executor, checks, valid)
         SELECT agent, executor, sum(valid), sum(valid)
         FROM unnest($1::text[], $2::text[], $3::bigint[]) AS r (agent, executor, valid)
         WHERE EXISTS (SELECT FROM agents WHERE id = r.agent::bpchar)
         GROUP BY agent, executor ORDER BY 1, 2
         ON CONFLICT (agent_id, executor) DO UPDATE SET
           checks = CASE WHEN t.quarantined_until IS NOT NULL THEN 0 ELSE excluded.checks + trunc(t.checks / power(2,
             least(52, floor(greatest(0, extract(epoch FROM now() - t.checked_at)) / (30 * 86400)))))::bigint END,
           valid = t.valid + excluded.valid,
           probation = greatest(0, t.probation - excluded.checks)::int,
           checked_at = now()`,
        [
          results.map(({ agent }) => agent),
          results.map(({ executor }) => executor),
          results.map(({ valid }) => valid),
        ],
      )
    },

    failed: (incidents) =>
      incidents.length === 0
        ? Promise.resolve()
        : inTransaction(pool, async (tx) => {
            for (const incident of incidents) await store(tx, incident)
          }),

    async incidents(agents, since) {
      const { rows } = await pool.query<{ id: string; agent: string; executor: string }>(
        `SELECT id, agent_id AS agent, executor FROM agent_incidents
         WHERE agent_id = ANY ($1::bpchar[]) AND created_at >= $2`,
        [agents, since],
      )
      return rows.map(({ id, agent, executor }) => ({
        id: safeNumber(id),
        agent,
        executor: executorKind.parse(executor),
      }))
    },

    async failedSince(who, since) {
      if (who.length === 0) return []
      const { rows } = await pool.query<{ agent: string; executor: string }>(
        `SELECT DISTINCT w.agent, w.executor FROM unnest($1::text[], $2::text[]) AS w (agent, executor)
         JOIN agent_incidents i ON i.agent_id = w.agent::bpchar AND i.executor = w.executor
         WHERE i.created_at >= $3`,
        [who.map(({ agent }) => agent), who.map(({ executor }) => executor), since],
      )
      return rows.map(({ agent, executor }) => ({ agent, executor: executorKind.parse(executor) }))
    },

    async appeal(agent, executor) {
      const { rowCount } = await pool.query(
        `UPDATE agent_trust SET quarantined_until = now(), appealed_at = now()
         WHERE agent_id = $1 AND executor = $2 AND quarantined_until > now()
           AND (appealed_at IS NULL OR appealed_at < now() - make_interval(hours => $3))`,
        [agent, executor, APPEAL_INTERVAL_HOURS],
      )
      return rowCount === 1
    },

    async ofAgents(agents) {
      const found = new Map(
        agents.map((id) => [id, { trust: [] as TrustRow[], incidents: [] as IncidentRow[] }]),
      )
      const trust = await pool.query<
        Omit<TrustRow, 'checks' | 'valid'> & { agent_id: string; checks: string; valid: string }
      >(
        `SELECT agent_id, executor, checks, valid, invalid, probation, quarantined_until,
           coalesce(quarantined_until > now(), false)
             AND (appealed_at IS NULL OR appealed_at < now() - make_interval(hours => $2)) AS may_appeal
         FROM agent_trust WHERE agent_id = ANY($1::bpchar[]) ORDER BY executor`,
        [agents, APPEAL_INTERVAL_HOURS],
      )
      for (const { agent_id, ...row } of trust.rows)
        found.get(agent_id)?.trust.push({
          ...row,
          executor: executorKind.parse(row.executor),
          checks: safeNumber(row.checks),
          valid: safeNumber(row.valid),
        })
      const incidents = await pool.query<IncidentRow & { agent_id: string }>(
        `SELECT i.agent_id, i.executor, i.reason, i.job_id, i.created_at
         FROM unnest($1::bpchar[]) AS a (id) CROSS JOIN LATERAL
           (SELECT * FROM agent_incidents WHERE agent_id = a.id ORDER BY id DESC LIMIT $2) AS i`,
        [agents, INCIDENTS_SHOWN],
      )
      for (const { agent_id, ...row } of incidents.rows)
        found.get(agent_id)?.incidents.push({ ...row, executor: executorKind.parse(row.executor) })
      return found
    },
  }
}

async function lastReason(tx: Transaction, agent: string, executor: ExecutorKind): Promise<string> {
  const { rows } = await tx.query<{ reason: string }>(
    'SELECT reason FROM agent_incidents WHERE agent_id = $1 AND executor = $2 ORDER BY id DESC LIMIT 1',
    [agent, executor],
  )
  return rows[0]?.reason ?? 'a wrong result'
}

async function store(tx: Transaction, { agent, executor, reason, job_id }: Incident): Promise<void> {
  const { rows } = await tx.query<{ invalid: number }>(
    `INSERT INTO agent_trust AS t (agent_id, executor, invalid) SELECT id, $2, 1 FROM agents WHERE id = $1
     ON CONFLICT (agent_id, executor) DO UPDATE SET checks = 0, probation = 0, invalid = t.invalid + 1, checked_at = now()
     RETURNING invalid`,
    [agent, executor],
  )
  const invalid = rows[0]?.invalid
  if (invalid === undefined) return
  await tx.query(
    `UPDATE agent_trust SET quarantined_until = now() + make_interval(hours => $3) WHERE agent_id = $1 AND executor = $2`,
    [agent, executor, quarantineHours(invalid)],
  )
  await tx.query('INSERT INTO agent_incidents (agent_id, executor, reason, job_id) VALUES ($1, $2, $3, $4)', [
    agent,
    executor,
    reason.slice(0, REASON_CHARS_MAX),
    job_id ?? null,
  ])
}
