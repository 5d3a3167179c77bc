import { z } from 'zod'
import { ACCEPT_METHODS, type AcceptMethod, byMethod } from '../acceptance.ts'
import { canonicalJson, type Json } from '../canonical.ts'
import { LIMITS } from '../limits.ts'
import { EXECUTOR_KINDS } from '../receipt.ts'
import { hexDigest } from './field-schemas.ts'

/**
 * The replay trace of a job: who executed which shards and what closed them, in the order of shards. Owners are numbers that
 * mean something inside this trace only, so that distinct ones can be counted and none can be recognised.
 */

const index = z.int().min(0)

/** Place of the hub's own execution among the agents of a copy. */
export const REFEREE_COPY = -1

export const traceSchema = z.strictObject({
  trace: z.literal(1),
  /** Key ids, in order of first appearance. */
  agents: z.array(hexDigest).max(1_000_000),
  runs: z
    .array(
      z.strictObject({
        first: index,
        count: z.int().min(1).max(LIMITS.shards),
        method: z.enum(ACCEPT_METHODS),
        /** [place in `agents` or -1 for the referee, owner's number or -1, executor] of each accepted copy. */
        copies: z
          .array(z.tuple([z.int().min(-1), z.int().min(-1), z.enum(EXECUTOR_KINDS)]))
          .min(1)
          .max(64),
      }),
    )
    .min(1),
})
export type Trace = z.infer<typeof traceSchema>
export type TraceRun = Trace['runs'][number]

export function traceText(trace: Trace): string {
  return canonicalJson(trace as unknown as Json)
}

/** Shards by what closed them, accepted copies (the referee's included), distinct keys and distinct owners. */
export interface TraceCounts {
  readonly methods: Readonly<Record<AcceptMethod, number>>
  readonly copies: number
  readonly keys: number
  readonly owners: number
}

/** The counts that a record states, from the trace that shows them. */
export function countTrace(trace: Trace): TraceCounts {
  const methods = byMethod(0)
  const agents = new Set<number>()
  const owners = new Set<number>()
  let copies = 0
  for (const run of trace.runs) {
    methods[run.method] += run.count
    copies += run.count * run.copies.length
    for (const [agent, owner] of run.copies) {
      if (agent === REFEREE_COPY) continue
      agents.add(agent)
      owners.add(owner)
    }
  }
  return { methods, copies, keys: agents.size, owners: owners.size }
}
