import { z } from 'zod'
import { EXAMPLE_IDS } from '../../kernel/examples.ts'
import { procedure, router } from './init.ts'

export const guestRouter = router({
  /** Once for each guest: again, it gives the first job back. */
  runExample: procedure
    .meta({ action: 'jobs.run_example', limit: 'example' })
    .input(z.strictObject({ example: z.enum(EXAMPLE_IDS) }))
    .output(z.object({ id: z.string(), created: z.boolean() }))
    .mutation(({ ctx, input }) => ctx.services.jobs.runExample(ctx.actor, input.example)),
})
