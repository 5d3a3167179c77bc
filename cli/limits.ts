/** Limits of the command line. */
export const CLI_LIMITS = {
  /** A text longer than this does not fit one string of the engine. */
  evidence_bytes: 500 * 1024 * 1024,
  checkpoint_bytes: 64 * 1024,
  threads: 64,
  /** Shards that differ are counted; so many are named. */
  named_shards: 20,
  witness_logs: 16,
  witness_connections: 64,
  /** A checkpoint of at most 64 KiB, and 63 hashes. */
  witness_body_bytes: 72 * 1024,
  witness_request_ms: 10_000,
  site_request_ms: 30_000,
  witness_state_bytes: 1024 * 1024,
} as const
