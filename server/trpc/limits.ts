/** Limits of the API. A number without a unit in its name is a count. */
export const API_LIMITS = {
  /** Calls in one batched HTTP request. */
  batch_calls: 16,
  /** A tRPC request body: a contract with its envelope, several in a batch. */
  body_bytes: 256 * 1024,
} as const
