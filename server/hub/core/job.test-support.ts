import type { AdmittedJob } from './events.ts'

/** A job as the shell admits it; a test says what matters to it. */
export function admittedJob(over: Partial<AdmittedJob> = {}): AdmittedJob {
  return {
    id: 'job',
    owner: 'submitter',
    shard_count: 4,
    shard_units: 1,
    leaf_max_bytes: 32,
    inline_leaves: true,
    contract_hash: 'c'.repeat(64),
    plan_digest: 'd'.repeat(64),
    verify: { mode: 'quorum', k: 2 },
    target: 'any',
    cause: 'mc',
    min_agents: 1,
    max_agents: Number.POSITIVE_INFINITY,
    weight: 1,
    look_ends: [],
    looks_passed: 0,
    stopped_at: undefined,
    expires_ms: 1e9,
    phase: 'planned',
    ...over,
  }
}
