/** Limits of recording and publishing. */
export const EVIDENCE_LIMITS = {
  /** Records appended in one transaction. */
  batch: 512,
  /** Jobs are looked for at least this often: another server may have settled them. */
  poll_ms: 15_000,
  /** Shards executed again between two looks at the store. */
  recheck_batch: 64,
  /** Newest records under its replay key that a new record is held against. */
  compared_records: 8,
  /** Differing shards of two records that the referee executes: enough to know which is wrong. */
  decided_shards: 512,
  retry_first_ms: 500,
  retry_max_ms: 60_000,
  /** Records of public jobs in one answer. */
  records_page: 256,
  /** Receipts, or the trace, of one job as they are kept: about 800,000 receipts. Below the longest string of the engine. */
  kept_bytes: 400 * 1024 * 1024,
  /** Newest entries on the ledger's page. */
  shown_entries: 20,
  witnesses: 16,
  witness_timeout_ms: 5_000,
  witness_answer_bytes: 16 * 1024,
} as const
