/** Limits of the HTTP server and of the agents' sockets. A number without a unit in its name is a count. */
export const HTTP_LIMITS = {
  connections: 8192,
  /** TCP connections of one host, besides room for its sockets: agents', and watchers' as many, twice over. */
  connections_per_host: 256,
  request_ms: 300_000,
  headers_ms: 20_000,
  /** What is read and thrown away of a body that was refused, so that the client gets to read why. */
  discard_bytes: 1024 * 1024,
  discard_ms: 500,
  uploads_per_host: 16,
  /** A sign-in or a passkey's attestation. */
  auth_body_bytes: 64 * 1024,
  embed_body_bytes: 4096,
  shutdown_ms: 5_000,
} as const

export const AGENT_LIMITS = {
  sockets_per_host: 64,
  /** A bucket of `messages_burst` that refills at `messages_per_s`; bytes likewise. Counted before decoding. */
  messages_per_s: 200,
  messages_burst: 400,
  bytes_per_s: 16 * 1024 * 1024,
  bytes_burst: 64 * 1024 * 1024,
  /** Calls of one socket that the hub has not answered yet. */
  calls_in_flight: 64,
  subscriptions: 4,
  enrolments_per_socket: 16,
  challenges_per_socket: 8,
  ping_ms: 30_000,
  pong_wait_ms: 20_000,
  /** After a close frame, before the socket is cut. */
  close_grace_ms: 1_000,
  /** Unsent bytes towards an agent that does not read. */
  backlog_bytes: 4 * 1024 * 1024,
} as const
