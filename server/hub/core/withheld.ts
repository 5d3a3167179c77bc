import type { Copy, Run } from './state.ts'
import type { Turn } from './turn.ts'

/**
 * Keeps what a copy said of shards that are not accepted on its word: its agent signed one root for the whole lease, and what
 * else is accepted of that lease can only be shown to be his with all of its digests.
 */
export function withhold(turn: Turn, run: Run, copy: Copy): void {
  if (copy.digests === undefined) return
  turn.effects.push({
    t: 'withheld',
    job_id: run.chunk.job.id,
    lease_id: copy.lease_id,
    first: run.first,
    digests: copy.digests,
  })
}
