/** Limits of the command line. */
export const CLI_LIMITS = {
  /** A text longer than this does not fit one string of the engine. */
  evidence_bytes: 500 * 1024 * 1024,
  checkpoint_bytes: 64 * 1024,
  threads: 64,
  /** Shards that differ are counted; so many are named. */
  named_shards: 20,
  /** Files of the ledger asked for at a time. */
  ledger_requests: 8,
  /** An entry bundle of 256 entries of at most 64 KiB. */
  entries_bytes: 17 * 1024 * 1024,
  /** Entries of a ledger that one walk holds in memory, 32 bytes each. */
  ledger_entries: 50_000_000,
  answer_bytes: 1024 * 1024,
  hub_request_ms: 120_000,
  hub_attempts: 6,
  audit_state_bytes: 64 * 1024 * 1024,
  witness_logs: 16,
  witness_connections: 64,
  /** A checkpoint of at most 64 KiB, and 63 hashes. */
  witness_body_bytes: 72 * 1024,
  witness_request_ms: 10_000,
  site_request_ms: 30_000,
  witness_state_bytes: 1024 * 1024,
} as const
