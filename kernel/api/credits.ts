import { z } from 'zod'

/** Answers of the API about money. Amounts are whole credits. */

/** Credits for copies of shards, by what the copies are for. */
export const costItemView = z.object({
  kind: z.enum(['computation', 'verification', 'referee']),
  copies: z.int(),
  credits: z.int(),
})

/** What a job costs. `charged + released = held` once it has ended; before that both are null. */
export const jobCostView = z.object({
  /** Credits of one copy of one shard. */
  shard_price: z.int(),
  held: z.int(),
  charged: z.int().nullable(),
  released: z.int().nullable(),
  /** Of what is held while the job runs, of what was charged once it has ended. */
  items: z.array(costItemView),
})
export type JobCostView = z.infer<typeof jobCostView>

/** An account's credits. `available` is what a new job may use. */
export const balanceView = z.object({
  available: z.int(),
  /** Held for jobs that have not ended. */
  held: z.int(),
  /** The holds, newest first, at most 100. */
  holds: z.array(
    z.object({ job_id: z.string(), credits: z.int(), created_at: z.string(), expires_at: z.string() }),
  ),
})
export type BalanceView = z.infer<typeof balanceView>

/**
 * - `grant`: test credits; `hold`, `charge` (with the release of what was not used), `release` (all of a hold): own jobs;
 * - `contribution`, `site`: earned by own agents, by agents of an own partner site;
 * - `refund`: what the network gives back for shards of an own job that were found wrong after it had settled;
 * - `claim`: earned by an agent before it was claimed; `move`: of a guest who signed up.
 */
export const STATEMENT_KINDS = [
  'grant',
  'hold',
  'charge',
  'release',
  'contribution',
  'site',
  'refund',
  'claim',
  'move',
] as const

export const statementLine = z.object({
  /** Of the transfer. */
  id: z.string(),
  time: z.string(),
  kind: z.enum(STATEMENT_KINDS),
  /** Change of what is available, signed. */
  change: z.int(),
  /** Of a `charge`: what the job cost in the end. */
  charged: z.int().nullable(),
  /** Available after this line. */
  available: z.int(),
  job_id: z.string().nullable(),
  agent: z.string().nullable(),
  site_id: z.string().nullable(),
})
export type StatementLine = z.infer<typeof statementLine>

/** Newest first. */
export const statementPage = z.object({
  items: z.array(statementLine),
  next_cursor: z.string().nullable(),
})
export type StatementPage = z.infer<typeof statementPage>
