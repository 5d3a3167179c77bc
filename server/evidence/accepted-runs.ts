import type { AcceptedRun } from '../../kernel/evidence/assemble.ts'
import type { JobRow, ResultStore } from '../memory/ports.ts'

/** What is accepted of a job's first `accepted` shards, without the leaves; a job of a million shards is some thousands of runs. */
export async function loadRuns(
  results: Pick<ResultStore, 'load'>,
  jobId: string,
  accepted: number,
): Promise<readonly AcceptedRun[]> {
  const loaded: AcceptedRun[] = []
  for await (const { runs } of results.load(jobId)) {
    for (const { first, count, method, digests, copies } of runs) {
      const counting = Math.min(count, accepted - first)
      // A copy of the digests, so that the row with its leaves is not kept.
      if (counting > 0)
        loaded.push({
          first,
          count: counting,
          method,
          digests: new Uint8Array(digests.subarray(0, 32 * counting)),
          copies,
        })
    }
  }
  return loaded
}

/** Shards of which a settled job's result was made: those before its stop, or all. */
export function recordedShards({
  covered_shards,
  shard_count,
}: Pick<JobRow, 'covered_shards' | 'shard_count'>): number {
  return covered_shards ?? shard_count
}
