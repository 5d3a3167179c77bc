import type { TestDatabase } from './test-database.ts'

/** Waits until so many sessions of this database wait for a lock. */
export async function waitsForLock({ pool }: Pick<TestDatabase, 'pool'>, sessions: number): Promise<void> {
  for (;;) {
    const { rows } = await pool.query<{ waiting: number }>(
      `SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`,
    )
    if ((rows[0]?.waiting ?? 0) >= sessions) return
  }
}
