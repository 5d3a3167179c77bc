import { z } from 'zod'
import { networkView } from '../../kernel/api.ts'
import { procedure, router } from './init.ts'

export const networkRouter = router({
  stats: procedure
    .meta({ action: 'network.read' })
    .output(networkView)
    .query(({ ctx }) => ctx.services.hub.network()),

  /** The serving process's number: it stands in the names of live rooms (`network@<epoch>`). */
  epoch: procedure
    .meta({ action: 'network.read' })
    .output(z.object({ epoch: z.int() }))
    .query(({ ctx }) => ({ epoch: ctx.services.hub.epoch })),
})
