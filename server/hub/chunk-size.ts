import type { PreparedJob } from '../../kernel/job.ts'

/** Most shards of one chunk: what a hub remembers of a chunk is a bit a shard. */
const CHUNK_SHARDS = 16_384
/** A job is cut into about so many chunks, so that hubs share it evenly … */
const CHUNKS = 64
/** … but not into smaller ones than about a second of one core's work. */
const CHUNK_UNITS = 1_000_000

/**
 * Shards of one chunk of a job: the same for every hub. A job that may stop early, or that may have only so many agents, is
 * one chunk: one hub at a time serves it, and knows alone how far it has come and who works for it.
 */
export function chunkShards({ plan, contract, target }: PreparedJob): number {
  const { shard_count, work_units } = plan
  if (target !== undefined || contract.policy.max_agents !== undefined) return shard_count
  const shard_units = Math.max(1, work_units / shard_count)
  return Math.min(
    CHUNK_SHARDS,
    Math.max(Math.ceil(shard_count / CHUNKS), Math.ceil(CHUNK_UNITS / shard_units)),
  )
}
