/** Limits of the services. A number without a unit in its name is a count. */
export const CORE_LIMITS = {
  jobs_page: 100,
  idempotency_key_chars: 128,
  token_name_chars: 60,
  sessions_listed: 100,
  tokens_per_owner: 50,
  /** Bytes of the distinct blobs that one owner has uploaded. */
  upload_bytes_per_owner: 2 * 1024 * 1024 * 1024,
  statement_page: 100,
  /** A statement as CSV is one answer. */
  statement_csv_lines: 1_000_000,
  statement_csv_page: 1000,
  holds_shown: 100,
  /** Holds given up in one round of the sweep. */
  overdue_holds: 100,
  cursor_chars: 200,
  /** Shards of one proof: a tab executes them again in seconds. */
  proof_shards: 10,
  sites_per_owner: 20,
  site_name_chars: 60,
  site_origins: 20,
  origin_chars: 255,
  /** Days with figures that a site's statistics show. */
  site_days: 30,
  devices_listed: 500,
  device_name_chars: 60,
  /** Time to answer a challenge. */
  claim_challenge_ms: 5 * 60_000,
  /** Newest records under a replay key that are weighed for one contract. */
  replay_candidates: 8,
  /** A record with a longer trace answers no contract: reading it would take longer than many a job. */
  replay_trace_bytes: 8 * 1024 * 1024,
} as const
