import type { AcceptedShard } from '../../kernel/acceptance.ts'
import type { AcceptedRun } from '../../kernel/evidence/assemble.ts'
import type { JobRow, ResultStore } from '../memory/ports.ts'

/**
 * What is accepted of a job's first `accepted` shards, without the leaves. Neighbours with one history are one run already
 * here: a job of a million shards is some thousands of them.
 */
export async function loadRuns(
  results: Pick<ResultStore, 'load'>,
  jobId: string,
  accepted: number,
): Promise<readonly AcceptedRun[]> {
  const runs: AcceptedRun[] = []
  for await (const { shards } of results.load(jobId)) {
    let open: AcceptedShard[] = []
    const close = () => {
      const [first] = open
      if (first !== undefined)
        runs.push({
          first: first.shard,
          count: open.length,
          method: first.method,
          digests: new Uint8Array(Buffer.concat(open.map(({ digest }) => digest))),
          copies: first.copies,
        })
      open = []
    }
    for (const shard of shards) {
      if (shard.shard >= accepted) continue
      const last = open.at(-1)
      if (last !== undefined && (last.shard + 1 !== shard.shard || !isAlike(last, shard))) close()
      open.push(shard)
    }
    close()
  }
  return runs
}

function isAlike(a: AcceptedShard, b: AcceptedShard): boolean {
  return (
    a.method === b.method &&
    a.copies.length === b.copies.length &&
    a.copies.every((copy, at) => {
      const other = b.copies[at]
      return (
        copy === other ||
        (copy.agent === other?.agent && copy.owner === other.owner && copy.executor === other.executor)
      )
    })
  )
}

/** Shards of which a settled job's result was made: those before its stop, or all. */
export function recordedShards({
  covered_shards,
  shard_count,
}: Pick<JobRow, 'covered_shards' | 'shard_count'>): number {
  return covered_shards ?? shard_count
}
