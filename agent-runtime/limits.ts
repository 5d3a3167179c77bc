/** Limits of the agent. A number without a unit in its name is a count. */
export const AGENT_LIMITS = {
  /** Leases asked for at once: one runs, the next one's contract and operands are fetched meanwhile. */
  lease_window: 2,
  /** Contracts, compiled and with operands on the device (up to 128 MiB each), that are kept. */
  contracts_kept: 4,
  /** Operand bytes kept between leases. */
  input_cache_bytes: 256 * 1024 * 1024,
  /** Leaf blobs on their way to the hub at once. */
  uploads_at_once: 3,
  /** Threads of the WASM executor, on the largest machine. */
  threads: 64,
  /** Bytes that threads together may hold of a job's operands; each of them has a copy. */
  pool_operand_bytes: 512 * 1024 * 1024,
  call_timeout_ms: 30_000,
  /** A proof-of-work challenge costs a phone about a second; whatever takes so long is not meant for this device. */
  challenge_timeout_ms: 60_000,
  blob_timeout_ms: 120_000,
  connect_timeout_ms: 15_000,
  /** How long a pausing agent waits for the hub to take its leases back. */
  release_timeout_ms: 2_000,
  /** How long a page that is done with an agent waits for it to stop by itself: a dispatch, and the release of leases. */
  stop_timeout_ms: 10_000,
  /** Agents of a hub that stops spread their coming to another over so long. */
  move_within_ms: 3_000,
  backoff_first_ms: 500,
  backoff_max_ms: 30_000,
  ping_interval_ms: 15_000,
  pong_timeout_ms: 10_000,
  /** Events kept for the owner to read. */
  events_kept: 50,
  /** Leases remembered after their end, so that one sent again is not run again. */
  finished_leases_kept: 256,
  /** Of what a site publishes about its keys. */
  well_known_chars: 256 * 1024,
  /** Longest label sent to the hub. */
  label_chars: 120,
  /** Evidence that a page reads at once. */
  evidence_bytes: 256 * 1024 * 1024,
} as const
