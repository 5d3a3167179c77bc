import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from './memory/database.ts'

const DATABASE_LIMIT_MS = 2_000

/** @returns what keeps this server from serving, in words; empty when it is ready */
export async function unreadiness(
  database: Pick<Database, 'pool'>,
  hub: { readonly isOpen: boolean; readonly isDraining: boolean },
): Promise<readonly string[]> {
  const reasons: string[] = []
  if (!hub.isOpen) reasons.push('the hub has stopped')
  else if (hub.isDraining) reasons.push('the server is about to stop')
  const answers = database.pool.query('SELECT 1').then(
    () => true,
    () => false,
  )
  const isAnswered = await Promise.race([answers, delay(DATABASE_LIMIT_MS, false, { ref: false })])
  if (!isAnswered) reasons.push('the database does not answer')
  return reasons
}
