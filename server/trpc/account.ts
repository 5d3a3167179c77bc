import { accountView } from '../../kernel/api/people.ts'
import { procedure, router } from './init.ts'

export const accountRouter = router({
  me: procedure
    .meta({ action: 'account.read' })
    .output(accountView)
    .query(({ ctx }) => ctx.services.accounts.me(ctx.actor)),
})
