import { z } from 'zod'

/** What the benchmark and its processes say to each other over their IPC channel: one answer to each request. */

/** How a server is started. */
export const hostOptions = z.strictObject({
  database_url: z.string(),
  /** Blobs, keys and the log. */
  folder: z.string(),
  lease_shards: z.int(),
  referee_entry: z.string(),
  referee_cpu_share: z.number(),
  checking_entry: z.string(),
  /** Accounts whose agents come: each gets a node token. */
  owners: z.int(),
  sockets_per_host: z.int(),
})
export type HostOptions = z.infer<typeof hostOptions>

export const hostReady = z.strictObject({
  port: z.int(),
  epoch: z.int(),
  api_key: z.string(),
  tokens: z.array(z.string()),
})
export type HostReady = z.infer<typeof hostReady>

export const usage = z.strictObject({
  /** Microseconds of all threads of the process so far. */
  cpu_us: z.number(),
  rss_bytes: z.number(),
  heap_bytes: z.number(),
  /** Statements sent to the database so far, including BEGIN and COMMIT. */
  statements: z.number(),
  /** The longest that the event loop was held up since the last look. */
  loop_ms: z.number(),
})
export type Usage = z.infer<typeof usage>

export const agentsStart = z.strictObject({
  url: z.string(),
  tokens: z.array(z.string()),
  count: z.int(),
  /** Leases that each holds at once. */
  window: z.int(),
  /** What they execute: tiny shards, or recorded ones of this contract. */
  gbm: z.unknown().optional(),
  /** Milliseconds that each takes for a shard, on average; it works on its leases one after another. */
  shard_ms: z.number(),
})
export type AgentsStart = z.infer<typeof agentsStart>

export const agentsSeen = z.strictObject({
  cpu_us: z.number(),
  leases: z.int(),
  shards: z.int(),
  /** Shards that the hub has told to be accepted. */
  accepted: z.int(),
  /** From a result on its way, which leaves its agent free, to the next lease; milliseconds. */
  lease_ms: z.array(z.number()),
  faults: z.array(z.string()),
})
export type AgentsSeen = z.infer<typeof agentsSeen>

export const watchersStart = z.strictObject({ url: z.string(), api_key: z.string(), count: z.int() })
export type WatchersStart = z.infer<typeof watchersStart>
export const watchersSeen = z.strictObject({ frames: z.int(), bytes: z.int(), faults: z.array(z.string()) })

export const requestSchema = z.strictObject({ id: z.int(), what: z.string(), input: z.unknown() })
export const answerSchema = z.strictObject({
  id: z.int(),
  output: z.unknown().optional(),
  error: z.string().optional(),
})

export const abusersStart = z.strictObject({ url: z.string(), token: z.string() })
export type AbusersStart = z.infer<typeof abusersStart>
export const abusersSeen = z.strictObject({
  /** How often each kind of abuse got its right answer. */
  answered: z.record(z.string(), z.int()),
  unexpected: z.array(z.string()),
})
