import { ledgerView } from '../../kernel/api/ledger.ts'
import { procedure, router } from './init.ts'

export const ledgerRouter = router({
  get: procedure
    .meta({ action: 'network.read' })
    .output(ledgerView)
    .query(({ ctx }) => ctx.services.evidence.ledger()),
})
