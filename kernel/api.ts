import { z } from 'zod'
import { ACCEPT_METHODS, byMethod } from './acceptance.ts'
import { costItemView, jobCostView } from './api/credits.ts'
import type { JsonObject } from './canonical.ts'
import type { StoppingRoom } from './early-stopping.ts'
import { ERROR_CODES, type ErrorCode } from './errors.ts'
import type { Summary } from './ops/op.ts'

/**
 * The public API's answers, as protocol.ts holds the agents' messages: the outputs of the tRPC procedures and of the REST
 * routes, which are the same objects. Server, pages and command line all read them from here. Times are
 * ISO 8601 in UTC; digests are 64 hexadecimal digits; counts are numbers.
 */

export const JOB_STATES = [
  'submitted',
  'planned',
  'running',
  'verifying',
  'settled',
  'failed',
  'cancelled',
  'expired',
] as const
export const jobStateSchema = z.enum(JOB_STATES)
export type JobState = z.infer<typeof jobStateSchema>

/** How much of its owner's part of the network a job gets, beside his other ones. */
export const jobPrioritySchema = z.enum(['low', 'normal', 'high'])
export type JobPriority = z.infer<typeof jobPrioritySchema>
/** Weights in weighted fair queueing: a high one is served as much as four normal ones. */
export const PRIORITY_WEIGHTS = { low: 0.25, normal: 1, high: 4 } as const satisfies Record<
  JobPriority,
  number
>

export const visibilitySchema = z.enum(['private', 'public'])
export type Visibility = z.infer<typeof visibilitySchema>

const errorCode = z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]])
export const failureView = z.object({
  code: errorCode,
  message: z.string(),
  hint: z.string().optional(),
  path: z.string().optional(),
  retryable: z.boolean(),
})

/** Shards by the executor kinds of their accepted copies; a shard with two kinds counts once under each. */
export const executorCounts = z.object({ webgpu: z.int(), wasm: z.int(), cpu: z.int() })

export const progressView = z.object({
  accepted: z.int(),
  /** Shards in some agent's hands or returned and waiting for another copy. */
  in_flight: z.int(),
  /** Accepted copies over all accepted shards, the referee's included. */
  copies: z.int(),
  by_executor: executorCounts,
  /** How accepted shards were verified. */
  by_method: z.object({ ...byMethod(z.int()), algebraic: z.int().default(0) }),
  /** Distinct owners of accepted copies; the referee is none. */
  owners: z.int(),
  /** What checks have found, from which the job's bound follows (kernel/verification/job-bound.ts). */
  checks: z
    .object({
      audits: z.int(),
      audits_bad: z.int(),
      doubt_single: z.number(),
      doubt_agreed: z.number(),
      /** Leases whose result was known, given in the place of work and answered; and those that were wrong. */
      canaries: z.int().default(0),
      canaries_bad: z.int().default(0),
      /** Shards that wait for the referee now. */
      waiting: z.int(),
    })
    .default({
      audits: 0,
      audits_bad: 0,
      doubt_single: 0,
      doubt_agreed: 0,
      canaries: 0,
      canaries_bad: 0,
      waiting: 0,
    }),
  /** Of a job with a target: shards accepted beyond the stopping point, which nobody is charged for. */
  surplus: z.int().optional(),
})
export type ProgressView = z.infer<typeof progressView>

export const artifactView = z.object({
  name: z.string(),
  digest: z.string(),
  dtype: z.string(),
  shape: z.array(z.int()),
  bytes: z.int(),
})

const jsonObject = z.custom<JsonObject>((value) => typeof value === 'object' && value !== null)

export const jobListItem = z.object({
  id: z.string(),
  op: z.string(),
  state: jobStateSchema,
  visibility: visibilitySchema,
  shard_count: z.int(),
  accepted: z.int(),
  created_at: z.string(),
  finished_at: z.string().nullable(),
  /** The headline of the summary, once settled: `10.45 ± 0.01 USD`. */
  headline: z.string().nullable(),
})
export type JobListItem = z.infer<typeof jobListItem>

/** What keeps a job waiting. */
export const jobWaiting = z.discriminatedUnion('t', [
  z.object({ t: z.literal('paused') }),
  /** No connected agent can do it and wants to. */
  z.object({
    t: z.literal('nobody'),
    target: z.enum(['any', 'cpu', 'gpu']),
    /** The family of its op, which contributors choose. */
    cause: z.string(),
    /** Bytes of its largest operand or output. */
    memory_bytes: z.number(),
  }),
  /** Fewer agents than its policy asks for. */
  z.object({ t: z.literal('few'), connected: z.int(), wanted: z.int() }),
  /** What the server has stored of it cannot be read now, and is tried again. */
  z.object({ t: z.literal('unreadable'), reason: z.string().optional() }),
])
export type JobWaiting = z.infer<typeof jobWaiting>

export const jobView = z.object({
  id: z.string(),
  op: z.string(),
  title: z.string(),
  state: jobStateSchema,
  /** Whether strangers may see it. */
  visibility: visibilitySchema,
  /** Whether it belongs to whoever asks. */
  own: z.boolean(),
  /** The canonical contract, as an object. */
  contract: jsonObject,
  contract_hash: z.string(),
  replay_key: z.string(),
  plan_digest: z.string(),
  /** Of the plan; of a job with a target the most that it may take. */
  shard_count: z.int(),
  /** Of a settled job with a target: shards that its result covers, from the first. Else null. */
  covered_shards: z.int().nullable(),
  work_units: z.int(),
  verify: z.string(),
  /** Within what a leaf that passes its invariants can move the main figure, where that is a mean. */
  leaf_range: z
    .object({ figure: z.string(), unit: z.string().optional(), low: z.number(), high: z.number() })
    .nullable(),
  created_at: z.string(),
  started_at: z.string().nullable(),
  finished_at: z.string().nullable(),
  progress: progressView,
  result: jsonObject.nullable(),
  result_digest: z.string().nullable(),
  summary: z.custom<Summary>().nullable(),
  artifacts: z.array(artifactView),
  /** Its place in the ledger; published once a signed checkpoint covers it. Null until it is appended. */
  record: z.object({ index: z.int(), published: z.boolean() }).nullable(),
  /** The job whose record answered this contract instead of an execution: record and evidence are that job's. Else null. */
  replay_of: z.string().nullable(),
  /** What has been found wrong of the record since, the earliest first: an entry of the ledger each. */
  corrections: z.array(z.object({ index: z.int(), shards: z.int(), corrected_at: z.string() })),
  failure: failureView.nullable(),
  priority: jobPrioritySchema,
  /** Whether its owner wants no new leases of it for now. Its time limit goes on. */
  paused: z.boolean(),
  /** Why no agent works for it now, where more than its turn is missing. */
  waiting: jobWaiting.nullable(),
  /** For its owner only; null for a job from before there were credits. */
  cost: jobCostView.nullable(),
})
export type JobView = z.infer<typeof jobView>

/** What a stranger needs to execute shards of a settled job again and to compare his digests with the accepted ones. */
export const proofView = z.object({
  id: z.string(),
  /** The canonical contract, byte for byte: contract hash, plan and shards all follow from it. */
  canonical: z.string(),
  contract_hash: z.string(),
  plan_digest: z.string(),
  shard_count: z.int(),
  /** Shards that the result covers, from the first: fewer than the plan has where the job met its target. */
  result_shards: z.int(),
  result_digest: z.string(),
  /** In ascending order of the shard. */
  shards: z.array(
    z.object({
      shard: z.int(),
      /** SHA-256 of the accepted leaf. */
      digest: z.string(),
      method: z.enum(ACCEPT_METHODS),
      /** Of each accepted copy. */
      executors: z.array(z.enum(['webgpu', 'wasm', 'cpu'])),
    }),
  ),
})
export type ProofView = z.infer<typeof proofView>

export const quoteView = z.object({
  op: z.string(),
  replay_key: z.string(),
  contract_hash: z.string(),
  shard_count: z.int(),
  work_units: z.int(),
  /** Copies of each shard that the verification asks for. */
  copies: z.int(),
  leaf_kind: z.enum(['inline', 'blob']),
  leaf_max_bytes: z.int(),
  /** Of a contract with a target: after how many shards it may stop, ascending, the last all of them. Else empty. */
  looks: z.array(z.int()),
  /** The most that the job can cost: this is held, and what is not verified is released. */
  price: z.object({ shard_price: z.int(), credits: z.int(), items: z.array(costItemView) }),
  /** The job whose record would answer the contract now, and what that costs; null when it would be executed. */
  replay: z.object({ of: z.string(), credits: z.int() }).nullable(),
})
export type QuoteView = z.infer<typeof quoteView>

export const networkView = z.object({
  agents: z.int(),
  owners: z.int(),
  agents_by_executor: executorCounts,
  jobs_running: z.int(),
  jobs_settled: z.int(),
  shards_accepted: z.int(),
  shards_per_s: z.number(),
  house_agent: z.boolean(),
})
export type NetworkView = z.infer<typeof networkView>

export const agentView = z.object({
  /** SHA-256 of the public key. */
  id: z.string(),
  /** Its owner's name, for himself; null to everybody else: who contributes, and from which network, is his own affair. */
  owner: z.string().nullable(),
  executor: z.enum(['webgpu', 'wasm', 'cpu']),
  label: z.string(),
  /** Families of ops that it takes; null: all of them, and to everybody but its owner. */
  causes: z.array(z.string()).nullable(),
  connected_at: z.string(),
  shards: z.int(),
  leases: z.int(),
})
export type AgentView = z.infer<typeof agentView>

/**
 * A job's live room, `job:<id>`: one Y.Map named `job` with these keys, each replaced as a whole. A room is a
 * projection of the database and the hub's memory; it is never the truth.
 */
export interface JobRoom {
  readonly state: JobState
  readonly shard_count: number
  readonly progress: ProgressView
  /**
   * At most 1,024 cells, each a run of `shards_per_cell` shards (the last may be shorter), one character a cell:
   * `.` untouched, `l` leased, `r` returned and waiting for verification, `d` disputed, `a` accepted.
   */
  readonly grid: { readonly shards_per_cell: number; readonly cells: string }
  /** The running estimate after so many shards, thinned to at most 200 points. Depends on arrival. */
  readonly estimates: readonly {
    readonly shards: number
    readonly value: number
    readonly standard_error: number
  }[]
  /** Why no agent works for it now; null when one does. A key that is left out of a room keeps what it said before. */
  readonly waiting?: JobWaiting | null | undefined
  /** Of a job with a target. */
  readonly stopping?: StoppingRoom | undefined
}

/** The live room `network`: one Y.Map named `network`. */
export interface NetworkRoom {
  readonly stats: NetworkView
  readonly recent: readonly JobListItem[]
}
