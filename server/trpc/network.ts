import { z } from 'zod'
import { networkView } from '../../kernel/api.ts'
import { authorise } from '../core/authorise.ts'
import { procedure, router } from './init.ts'

export const networkRouter = router({
  stats: procedure.output(networkView).query(({ ctx }) => {
    authorise(ctx.actor, 'network.read')
    return ctx.services.hub.network()
  }),

  /** The serving process's number: it stands in the names of live rooms (`network@<epoch>`). */
  epoch: procedure.output(z.object({ epoch: z.int() })).query(({ ctx }) => {
    authorise(ctx.actor, 'network.read')
    return { epoch: ctx.services.hub.epoch }
  }),
})
