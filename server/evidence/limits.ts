/** Limits of recording and publishing. */
export const EVIDENCE_LIMITS = {
  /** Records appended in one transaction. */
  batch: 512,
  /** Jobs are looked for at least this often: another server may have settled them. */
  poll_ms: 15_000,
  retry_first_ms: 500,
  retry_max_ms: 60_000,
  /** Newest entries on the ledger's page. */
  shown_entries: 20,
  witnesses: 16,
  witness_timeout_ms: 5_000,
  witness_answer_bytes: 16 * 1024,
} as const
