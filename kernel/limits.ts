/** Limits of the kernel. A number without a unit in its name is a count. */
export const LIMITS = {
  /** A contract as UTF-8 JSON. */
  contract_bytes: 64 * 1024,
  json_depth: 32,
  input_count: 16,
  input_rank: 4,
  /** One blob: an input, a tile, a result. */
  blob_bytes: 64 * 1024 * 1024,
  /** A leaf result that travels inside a message instead of as a blob. */
  inline_leaf_bytes: 4096,
  /** Shards of one job: an implicit plan costs nothing per shard, the fold and the trace do. */
  shards: 16 * 1024 * 1024,
  seed_chars: 128,
  /** PBKDF2 iterations for each counter of a proof-of-work challenge: an agent solves nothing dearer. */
  challenge_cost_max: 100_000,
  quorum_max: 7,
  /** Families of ops that one contributor names. */
  causes: 16,
  timeout_ms_default: 3_600_000,
  timeout_ms_max: 7 * 24 * 3_600_000,
  /** Shards in one lease: 4,096 digests are 128 KiB. */
  lease_shards: 4096,
  /** Leaf bytes in one result message, below the socket's payload limit. */
  lease_inline_bytes: 768 * 1024,
  /** Of a hub's socket, as one hub tells agents of another. */
  hub_address_chars: 200,
  /** Hubs that an agent is told of. */
  hub_addresses: 8,
} as const
