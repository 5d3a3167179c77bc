import { z } from 'zod'
import { accountView, PASSWORD_CHARS, sessionView } from '../../kernel/api/people.ts'
import { procedure, router } from './init.ts'

export const accountRouter = router({
  me: procedure
    .meta({ action: 'account.read' })
    .output(accountView)
    .query(({ ctx }) => ctx.services.accounts.me(ctx.actor)),

  sessions: procedure
    .meta({ action: 'account.manage' })
    .output(z.object({ items: z.array(sessionView) }))
    .query(async ({ ctx }) => ({ items: await ctx.services.accounts.sessions(ctx.actor) })),

  endSession: procedure
    .meta({ action: 'account.manage' })
    .input(z.strictObject({ id: z.string().min(1).max(64) }))
    .mutation(({ ctx, input }) => ctx.services.accounts.endSession(ctx.actor, input.id)),

  signOutEverywhere: procedure
    .meta({ action: 'account.manage' })
    .output(z.object({ ended: z.int() }))
    .mutation(({ ctx }) => ctx.services.accounts.signOutEverywhere(ctx.actor)),

  erase: procedure
    .meta({ action: 'account.manage', limit: 'password' })
    .input(z.strictObject({ password: z.string().max(PASSWORD_CHARS.max) }))
    .mutation(({ ctx, input }) => ctx.services.accounts.erase(ctx.actor, input.password)),
})
