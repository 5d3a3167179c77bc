import { z } from 'zod'
import { EXECUTOR_KINDS } from './receipt.ts'

/**
 * What an agent found when it tried one executor before using it, as it tells the hub at enrolment and as its owner reads
 * it later. The agent's own word: it decides nothing.
 */
export const probeReport = z.strictObject({
  kind: z.enum(EXECUTOR_KINDS),
  /** Adapter or engine. */
  label: z.string().max(120),
  /** Whether it may be used. */
  ok: z.boolean(),
  /** Why it is not used. */
  reason: z.string().max(300).optional(),
  /** Known answers of the conformance probe; an executor without one has none. */
  checks: z
    .array(
      z.strictObject({ name: z.string().max(80), ok: z.boolean(), detail: z.string().max(200).optional() }),
    )
    .max(32),
  /** Loop iterations that one invocation was seen to complete. */
  max_iterations: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional(),
  /** Golden shards of the ops, compared with the reference's digest. */
  golden: z.array(z.strictObject({ op: z.string().max(80), ok: z.boolean() })).max(64),
  /** Work units per second on the timing job. */
  speed: z.number().positive().max(1e12).optional(),
})
export type ProbeReport = z.infer<typeof probeReport>
