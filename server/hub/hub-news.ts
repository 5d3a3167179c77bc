import { z } from 'zod'
import { executorCounts, jobPrioritySchema } from '../../kernel/api.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { EXECUTOR_KINDS } from '../../kernel/receipt.ts'
import { jobPart } from './job-part.ts'

/** What hubs tell each other: over the bus, and through the database (prisma/migrations, `hub_news`). */

/**
 * What every hub has to know, as triggers of the database write it in the transaction of its cause. Hearing it twice
 * changes nothing.
 */
export const hubNews = z.discriminatedUnion('t', [
  z.object({ t: z.literal('agent.revoked'), agent: z.string() }),
  z.object({ t: z.literal('token.revoked'), token: z.string() }),
  z.object({ t: z.literal('owner.erased'), owner: z.string() }),
  /** A guest has become an account: his jobs are the account's. */
  z.object({ t: z.literal('owner.moved'), from: z.string(), to: z.string() }),
  /** Its owner has paused it or goes on with it, or has given it another priority. */
  z.object({
    t: z.literal('job.changed'),
    job_id: z.string(),
    paused: z.boolean(),
    priority: jobPrioritySchema,
  }),
  /** It is private or public now: who watches it may no longer be allowed to. */
  z.object({ t: z.literal('job.shown'), job_id: z.string() }),
  /** A person's session has ended. */
  z.object({ t: z.literal('person.left'), session: z.string() }),
  /** Some hub has found an agent wrong. */
  z.object({
    t: z.literal('agent.failed'),
    agent: z.string(),
    executor: z.enum(EXECUTOR_KINDS),
    reason: z.string(),
  }),
])
export type HubNews = z.infer<typeof hubNews>

/** What agents read whose sessions end. */
export const SESSION_ENDS = {
  'agent.revoked': 'its owner has revoked this key',
  'token.revoked': 'its node token was revoked',
  'owner.erased': 'its account was erased',
} as const

/** Jobs that a hub names whose result it is making. */
export const FINISHING_TOLD = 1024

/** What a hub says of itself every few seconds. */
export const hubStatus = z.object({
  agents: z.int(),
  owners: z.int(),
  agents_by_executor: executorCounts,
  shards_per_s: z.number(),
  /** Since it started. */
  shards_accepted: z.int(),
  jobs_settled: z.int(),
  /** Where agents reach this very hub. Undefined: only by the address that hubs have in common, or it is about to stop. */
  address: z.string().max(LIMITS.hub_address_chars).optional(),
  /** Jobs whose result it is making. */
  finishing: z.array(z.string()).max(FINISHING_TOLD),
})
export type HubStatus = z.infer<typeof hubStatus>

/** A message of the bus. `from`: the epoch of the hub that says it. */
const busMessage = z.object({
  from: z.int(),
  said: z.discriminatedUnion('t', [
    /** The job is stored and can be worked on. */
    z.object({ t: z.literal('job.new'), job_id: z.string() }),
    /** The job has a final state: whoever hears it asks the database which. */
    z.object({ t: z.literal('job.ended'), job_id: z.string() }),
    /** A chunk of the job was given back. */
    z.object({ t: z.literal('chunks.available'), job_id: z.string() }),
    /** There is something in `hub_news`. */
    z.object({ t: z.literal('news') }),
    z.object({ t: z.literal('part'), job_id: z.string(), part: jobPart }),
  ]),
})
export type BusMessage = z.infer<typeof busMessage>

/** @returns undefined for what no hub says */
export function parseBusMessage(text: string): BusMessage | undefined {
  try {
    return busMessage.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}
