import { z } from 'zod'
import { agentView } from '../../kernel/api.ts'
import { authorise } from '../core/authorise.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import { procedure, router } from './init.ts'

const ownerLabel = z
  .string()
  .trim()
  .min(1)
  .max(CORE_LIMITS.owner_label_chars)
  .regex(/^[\p{L}\p{N} ._@-]+$/u, 'letters, digits, spaces and . _ @ - only')

export const agentsRouter = router({
  list: procedure.output(z.object({ items: z.array(agentView) })).query(({ ctx }) => {
    authorise(ctx.actor, 'agents.read')
    return { items: [...ctx.services.hub.agents()] }
  }),

  createOwnerToken: procedure
    .input(z.strictObject({ label: ownerLabel }))
    .output(z.object({ token: z.string(), owner: z.string() }))
    .mutation(({ ctx, input }) => ctx.services.owners.createToken(ctx.actor, input.label)),
})
