import { invariant } from '../../kernel/errors.ts'
import { digestRows, type RecordedRun, type SettledJob } from '../../kernel/evidence/assemble.ts'
import { DIGEST_ROW } from '../../kernel/evidence/bundle.ts'
import { addFindings, type CheckFindings, NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { JobRow } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'

/**
 * What is accepted of a job's first `accepted` shards, without the leaves, what stood there before it was found wrong, what
 * checks have found, and how its canaries were answered.
 */
export async function loadRuns(
  results: Pick<ResultStore, 'load'>,
  jobId: string,
  accepted: number,
): Promise<{
  readonly runs: readonly RecordedRun[]
  readonly replaced: readonly RecordedRun[]
  /** Of all stored shards, those beyond a stop and those replaced among them. */
  readonly findings: CheckFindings
  readonly canaries: SettledJob['canaries']
}> {
  const stored: RecordedRun[] = []
  let found = NO_FINDINGS
  for await (const { runs, findings } of results.load(jobId)) {
    found = addFindings(found, findings)
    // A copy: the digests of a row lie in one memory with its leaves.
    for (const { leaves: _, ...run } of runs)
      if (run.first < accepted) stored.push({ ...run, digests: run.digests.slice() })
  }
  const known = new Uint8Array(Math.ceil(accepted / 8))
  const runs: RecordedRun[] = []
  const replaced: RecordedRun[] = []
  for (const run of stored.reverse()) {
    const parts = unknownParts(run, accepted, known)
    runs.push(...parts)
    const kept = parts.reduce((sum, { count }) => sum + count, 0)
    if (kept < Math.min(run.count, accepted - run.first)) replaced.push(run)
  }
  const { canaries: given, canaries_bad: wrong } = found
  return { runs, replaced, findings: found, canaries: given === 0 ? undefined : { given, wrong } }
}

/** Rows of digests made at a time: 256 Ki shards, of which 8 MiB are held. */
const ROWS_AT_ONCE = 64

/** The digests of a job's first `accepted` shards as rows of an evidence file, a few MiB at a time. */
export async function* digestRowsOf(
  results: Pick<ResultStore, 'loadSpan'>,
  jobId: string,
  accepted: number,
): AsyncGenerator<string> {
  const most = ROWS_AT_ONCE * DIGEST_ROW
  for (let first = 0; first < accepted; first += most) {
    const count = Math.min(most, accepted - first)
    const digests = new Uint8Array(32 * count)
    const known = new Uint8Array(count)
    for await (const { runs } of results.loadSpan(jobId, first, first + count - 1))
      for (const run of runs) {
        const from = Math.max(first, run.first)
        const to = Math.min(first + count, run.first + run.count)
        if (from >= to) continue
        // A later group replaces what was found wrong.
        digests.set(run.digests.subarray(32 * (from - run.first), 32 * (to - run.first)), 32 * (from - first))
        known.fill(1, from - first, to - first)
      }
    invariant(!known.includes(0), `every shard of job ${jobId} is stored`)
    yield* digestRows(digests)
  }
}

/** The parts of a run whose shards no newer run has, which are known from now on. */
function unknownParts(run: RecordedRun, accepted: number, known: Uint8Array): RecordedRun[] {
  const parts: RecordedRun[] = []
  const end = Math.min(run.first + run.count, accepted)
  let from = run.first
  const cut = (to: number): void => {
    if (to > from)
      parts.push({
        ...run,
        first: from,
        count: to - from,
        digests: run.digests.slice(32 * (from - run.first), 32 * (to - run.first)),
      })
    from = to + 1
  }
  for (let shard = run.first; shard < end; shard++) {
    const bit = 1 << (shard & 7)
    if (((known[shard >> 3] ?? 0) & bit) !== 0) cut(shard)
    else known[shard >> 3] = (known[shard >> 3] ?? 0) | bit
  }
  cut(end)
  return parts
}

/** Shards of which a settled job's result was made: those before its stop, or all. */
export function recordedShards({
  covered_shards,
  shard_count,
}: Pick<JobRow, 'covered_shards' | 'shard_count'>): number {
  return covered_shards ?? shard_count
}
