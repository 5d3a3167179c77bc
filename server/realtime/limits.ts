/** Limits of the live rooms. A number without a unit in its name is a count. */
export const ROOM_LIMITS = {
  rooms: 1024,
  sockets_per_host: 64,
  sockets_per_room: 2048,
  /** One message of a watcher: a state vector, or an update that is dropped anyway. */
  message_bytes: 64 * 1024,
  messages_per_s: 10,
  messages_burst: 50,
  /** Unsent bytes towards a watcher that does not read; beyond, it is cut and may come back. */
  backlog_bytes: 1024 * 1024,
  /** A room without watchers is forgotten after this. */
  idle_ms: 30_000,
  /** y-websocket gives a connection up that has been silent for 30 s; ours also finds dead watchers by this. */
  keep_alive_ms: 12_000,
  /** The list of recent jobs in the network's room is read again at most so often. */
  recent_ms: 1_000,
  recent_jobs: 10,
  grid_cells: 1024,
  estimate_points: 200,
  /** Shards of an ended job whose running estimates are replayed for its room; larger jobs show the result alone. */
  replay_shards: 65_536,
} as const
