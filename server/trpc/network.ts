import { networkView } from '../../kernel/api.ts'
import { procedure, router } from './init.ts'

export const networkRouter = router({
  stats: procedure
    .meta({ action: 'network.read' })
    .output(networkView)
    .query(({ ctx }) => ctx.services.hub.network()),
})
