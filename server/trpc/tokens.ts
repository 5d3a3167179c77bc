import { z } from 'zod'
import { newTokenView, tokenView } from '../../kernel/api/people.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import type { PersonalKind } from '../core/tokens.ts'
import { procedure, router } from './init.ts'

const tokenName = z
  .string()
  .trim()
  .min(1)
  .max(CORE_LIMITS.token_name_chars)
  .regex(/^[\p{L}\p{N}\p{P} ]+$/u, 'letters, digits, spaces and punctuation only')
const tokenId = z.string().min(1).max(64)

/** API keys and node tokens are made, listed and revoked alike. */
function tokensRouter(kind: PersonalKind, action: 'keys.manage' | 'node_tokens.manage') {
  return router({
    list: procedure
      .meta({ action })
      .output(z.object({ items: z.array(tokenView) }))
      .query(async ({ ctx }) => ({ items: await ctx.services.tokens.list(ctx.actor, kind) })),

    create: procedure
      .meta({ action, limit: 'token' })
      .input(z.strictObject({ name: tokenName }))
      .output(newTokenView)
      .mutation(({ ctx, input }) => ctx.services.tokens.create(ctx.actor, kind, input.name)),

    revoke: procedure
      .meta({ action })
      .input(z.strictObject({ id: tokenId }))
      .output(tokenView)
      .mutation(({ ctx, input }) => ctx.services.tokens.revoke(ctx.actor, kind, input.id)),
  })
}

export const keysRouter = tokensRouter('api_key', 'keys.manage')
export const nodeTokensRouter = tokensRouter('node_token', 'node_tokens.manage')
