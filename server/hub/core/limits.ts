/** Limits and times of the hub's core. Times are milliseconds of the shell's monotonic clock. */
export const HUB = {
  /** A lease is cut to about this much work of the agent that takes it. */
  lease_target_ms: 1500,
  /** Shards in the first lease of an agent whose speed is not known. */
  first_lease_shards: 2,
  /** Shards in one lease of leaves that are blobs: each is uploaded by itself. */
  lease_blobs: 64,
  /** A lease's deadline: this many times its expected duration … */
  deadline_factor: 6,
  /** … but never shorter: a first dispatch may compile for seconds. */
  deadline_min_ms: 30_000,
  /** How long a lost connection keeps its leases, so that a resumed agent goes on. */
  resume_grace_ms: 10_000,
  /** A shard waits so long for a second owner before the referee supplies the copy. */
  second_owner_wait_ms: 5000,
  /** Then it is looked at again so often. */
  second_owner_again_ms: 1000,
  /** After this wait the referee supplies it even where somebody could: an agent that never answers must not hold a job. */
  overdue_copy_ms: 60_000,
  /**
   * A second copy goes to another kind of executor, unless the agents of that kind would need longer than this for
   * what already waits for them: then the same kind may copy it.
   */
  diversity_backlog_ms: 30_000,
  /** Requests in the referee's hands at once. */
  referee_in_flight: 1,
  /** Shards in one request to the referee: at most so many, and about so many work units (0.2 s of one core). */
  referee_shards: 256,
  referee_units: 200_000,
  /** Runs that wait for an audit; beyond, what one agent gave alone is given to a second owner instead. */
  audits_waiting: 256,
  /** Leaf bytes of one job that wait in memory for another copy; beyond, no fresh shards are leased. */
  pending_bytes: 64 * 1024 * 1024,
  /**
   * Bytes of one job's accepted shards that wait for storage, with those that agents hold beyond what is stored in the time
   * that they take; beyond, no fresh shards are leased: storage comes first.
   */
  unstored_bytes: 24 * 1024 * 1024,
  /** So long a lease counts towards that. An agent takes about as long as its window of leases lasts. */
  promise_ms: 5000,
  /** Weight of the newest lease in the time that agents of a job hold theirs. */
  held_smoothing: 1 / 32,
  /** Of a job with a target: one in so many shards of the next look is opened beyond it before it is decided. */
  surplus_divisor: 16,
  sessions: 20_000,
  /** A hundred thousand cores (a core does about 10^6 work units a second): nobody's speed is more. */
  speed_max_units_per_s: 1e11,
  /** Weight of the newest measurement in an agent's speed. */
  speed_smoothing: 0.4,
  /** An agent that loses a lease gets leases of half the size, and again, down to this share of its pace. */
  pace_share_min: 1 / 16,
  /** A promised copy may be given to a second agent after this many times its expected duration, but not before … */
  straggler_factor: 2,
  straggler_min_ms: 2000,
  /** Runs looked at for that, the oldest promises first. */
  straggler_candidates: 8,
  /**
   * An agent stays with a job whose operands it has while another's turn is overdue by no more than this much of its own
   * work: to fetch and to place others costs it about that.
   */
  locality_ms: 5000,
  /** Jobs whose operands an agent is taken to have: as many as it keeps ready (AGENT_LIMITS.contracts_kept). */
  local_jobs: 4,
  /** Runs of one job of which the referee's word is kept for canaries, and shards of one of them. */
  known_runs: 32,
  known_places: 128,
  /** Known runs looked at for one canary. */
  canary_candidates: 4,
  /** Idle agents that a tick offers work to again. */
  wake_per_tick: 1024,
  /** Fresh shards that a job has ready before it claims another chunk: this many seconds of what it last granted. */
  claim_ahead_s: 2,
  /** Chunks asked for at once. */
  claim_chunks: 16,
} as const
