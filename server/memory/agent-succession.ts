import type pg from 'pg'
import { ForgeError } from '../../kernel/errors.ts'
import type { AgentSuccession } from './ports/agents.ts'
import { inTransaction } from './transaction.ts'

/**
 * Puts a new key in the place of an old one, in one transaction: owner, name, site, standings and incidents are copied, and
 * the old key is revoked with its successor's name. Totals and unclaimed credits stay with the key that earned them; a claim
 * by the new key takes them along (credit-store.ts).
 * @returns whether `to` has taken over, now or before; false when `from` is not known or was revoked: it hands nothing on
 * @throws ForgeError FORBIDDEN when `from` has another successor, or `to` a history of its own
 */
export function succeedAgent(
  pool: pg.Pool,
  { from, to, public_key, site_id }: AgentSuccession,
): Promise<boolean> {
  return inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{
      revoked_at: Date | null
      successor: string | null
      site_id: string | null
    }>('SELECT revoked_at, successor, site_id FROM agents WHERE id = $1 FOR UPDATE', [from])
    const [old] = rows
    if (old?.successor === to) return true
    if (old === undefined || (old.revoked_at !== null && old.successor === null)) return false
    if (old.successor !== null) throw refused('the old key has another successor')
    if (old.site_id !== site_id) throw refused('the old key belongs to another site')
    const { rowCount } = await tx.query(
      `INSERT INTO agents (id, owner_id, executor, label, software, name, site_id, public_key)
       SELECT $2, owner_id, executor, label, software, name, site_id, $3 FROM agents WHERE id = $1
       ON CONFLICT (id) DO NOTHING`,
      [from, to, Buffer.from(public_key)],
    )
    if (rowCount === 0) throw refused('the new key has enrolled before')
    await tx.query(
      `INSERT INTO agent_trust (agent_id, executor, checks, valid, invalid, checked_at, probation, quarantined_until, appealed_at)
       SELECT $2, executor, checks, valid, invalid, checked_at, probation, quarantined_until, appealed_at
       FROM agent_trust WHERE agent_id = $1`,
      [from, to],
    )
    await tx.query(
      `INSERT INTO agent_incidents (agent_id, executor, reason, job_id, created_at)
       SELECT $2, executor, reason, job_id, created_at FROM agent_incidents WHERE agent_id = $1 ORDER BY id`,
      [from, to],
    )
    await tx.query('UPDATE agents SET revoked_at = now(), successor = $2 WHERE id = $1', [from, to])
    return true
  })
}

function refused(why: string): ForgeError {
  return new ForgeError('FORBIDDEN', `this key cannot take over: ${why}`, {
    path: 'succeeds',
    hint: 'Go on with the old key, or start with a new one that takes over from none.',
  })
}
