import { z } from 'zod'
import { agentView } from '../../kernel/api.ts'
import { ownerOf } from '../core/actor.ts'
import { procedure, router } from './init.ts'

export const agentsRouter = router({
  list: procedure
    .meta({ action: 'agents.read' })
    .output(z.object({ items: z.array(agentView) }))
    .query(({ ctx }) => ({ items: [...ctx.services.hub.agents(ownerOf(ctx.actor))] })),
})
