import { z } from 'zod'
import { balanceView, statementPage } from '../../kernel/api/credits.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import { procedure, router } from './init.ts'

export const creditsRouter = router({
  balance: procedure
    .meta({ action: 'credits.read' })
    .output(balanceView)
    .query(({ ctx }) => ctx.services.credits.balance(ctx.actor)),

  statement: procedure
    .meta({ action: 'credits.read' })
    .input(
      z.strictObject({
        limit: z.int().min(1).max(CORE_LIMITS.statement_page).default(50),
        cursor: z.string().max(CORE_LIMITS.cursor_chars).nullish(),
      }),
    )
    .output(statementPage)
    .query(({ ctx, input }) =>
      ctx.services.credits.statement(ctx.actor, { limit: input.limit, cursor: input.cursor ?? undefined }),
    ),
})
