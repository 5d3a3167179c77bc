import { z } from 'zod'
import {
  jobListItem,
  jobPrioritySchema,
  jobStateSchema,
  jobView,
  proofView,
  quoteView,
  visibilitySchema,
} from '../../kernel/api.ts'
import { LIMITS } from '../../kernel/limits.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import { procedure, router } from './init.ts'

/** The contract itself is validated by the kernel, whose errors name the field. */
const contract = z.unknown()
const jobId = z.string().min(1).max(64)

export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]+$/, 'printable ASCII without spaces')
  .max(CORE_LIMITS.idempotency_key_chars)

const pageInput = z.strictObject({
  limit: z.int().min(1).max(CORE_LIMITS.jobs_page).default(20),
  cursor: z.string().max(CORE_LIMITS.cursor_chars).nullish(),
})
const pageOutput = z.object({ items: z.array(jobListItem), next_cursor: z.string().nullable() })

export const jobsRouter = router({
  quote: procedure
    .meta({ action: 'jobs.quote' })
    .input(z.strictObject({ contract }))
    .output(quoteView)
    .query(({ ctx, input }) => ctx.services.jobs.quote(ctx.actor, input.contract)),

  submit: procedure
    .meta({ action: 'jobs.submit', limit: 'submit' })
    .input(
      z.strictObject({
        contract,
        idempotency_key: idempotencyKey.optional(),
        /** `never`: the job is executed even where the record of an earlier one would answer it. */
        replay: z.enum(['allow', 'never']).default('allow'),
        priority: jobPrioritySchema.optional(),
      }),
    )
    .output(z.object({ id: z.string(), created: z.boolean() }))
    .mutation(({ ctx, input }) =>
      ctx.services.jobs.submit(ctx.actor, input.contract, input.idempotency_key, input),
    ),

  get: procedure
    .meta({ action: 'jobs.read' })
    .input(z.strictObject({ id: jobId }))
    .output(jobView)
    .query(({ ctx, input }) => ctx.services.jobs.get(ctx.actor, input.id)),

  /** What anybody who may read the job needs to execute shards of it again. */
  proof: procedure
    .meta({ action: 'jobs.read' })
    .input(
      z.strictObject({
        id: jobId,
        /** Without it the server draws them. */
        shards: z
          .array(
            z
              .int()
              .min(0)
              .max(LIMITS.shards - 1),
          )
          .min(1)
          .max(CORE_LIMITS.proof_shards)
          .optional(),
      }),
    )
    .output(proofView)
    .query(({ ctx, input }) => ctx.services.proofs.prove(ctx.actor, input.id, input.shards)),

  /** The caller's own. */
  list: procedure
    .meta({ action: 'jobs.list' })
    .input(pageInput)
    .output(pageOutput)
    .query(({ ctx, input }) =>
      ctx.services.jobs.list(ctx.actor, { limit: input.limit, cursor: input.cursor ?? undefined }),
    ),

  /** Everybody's public ones. */
  listPublic: procedure
    .meta({ action: 'jobs.list_public' })
    .input(pageInput)
    .output(pageOutput)
    .query(({ ctx, input }) =>
      ctx.services.jobs.listPublic(ctx.actor, { limit: input.limit, cursor: input.cursor ?? undefined }),
    ),

  publish: procedure
    .meta({ action: 'jobs.publish' })
    .input(z.strictObject({ id: jobId, visibility: visibilitySchema }))
    .output(z.object({ visibility: visibilitySchema }))
    .mutation(({ ctx, input }) => ctx.services.jobs.publish(ctx.actor, input.id, input.visibility)),

  cancel: procedure
    .meta({ action: 'jobs.cancel' })
    .input(z.strictObject({ id: jobId }))
    .output(z.object({ state: jobStateSchema }))
    .mutation(({ ctx, input }) => ctx.services.jobs.cancel(ctx.actor, input.id)),

  pause: procedure
    .meta({ action: 'jobs.steer' })
    .input(z.strictObject({ id: jobId }))
    .output(z.object({ paused: z.boolean() }))
    .mutation(({ ctx, input }) => ctx.services.jobs.pause(ctx.actor, input.id, true)),

  resume: procedure
    .meta({ action: 'jobs.steer' })
    .input(z.strictObject({ id: jobId }))
    .output(z.object({ paused: z.boolean() }))
    .mutation(({ ctx, input }) => ctx.services.jobs.pause(ctx.actor, input.id, false)),

  prioritise: procedure
    .meta({ action: 'jobs.steer' })
    .input(z.strictObject({ id: jobId, priority: jobPrioritySchema }))
    .output(z.object({ priority: jobPrioritySchema }))
    .mutation(({ ctx, input }) => ctx.services.jobs.prioritise(ctx.actor, input.id, input.priority)),
})
