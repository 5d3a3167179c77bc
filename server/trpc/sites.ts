import { z } from 'zod'
import { siteStatsView, siteView } from '../../kernel/api/sites.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import { procedure, router } from './init.ts'

const id = z.string().min(1).max(64)
const name = z
  .string()
  .trim()
  .min(1)
  .max(CORE_LIMITS.site_name_chars)
  .regex(/^[\p{L}\p{N}\p{P}\p{Zs}]+$/u, 'letters, digits, punctuation and spaces only')
/** What an origin is, the service says. */
const allowed_origins = z
  .array(z.string().max(2 * CORE_LIMITS.origin_chars))
  .max(2 * CORE_LIMITS.site_origins)

export const sitesRouter = router({
  list: procedure
    .meta({ action: 'sites.read' })
    .output(z.object({ items: z.array(siteView) }))
    .query(async ({ ctx }) => ({ items: [...(await ctx.services.sites.list(ctx.actor))] })),

  create: procedure
    .meta({ action: 'sites.manage' })
    .input(z.strictObject({ name, allowed_origins }))
    .output(siteView)
    .mutation(({ ctx, input }) => ctx.services.sites.create(ctx.actor, input)),

  update: procedure
    .meta({ action: 'sites.manage' })
    .input(
      z.strictObject({
        id,
        name: name.optional(),
        allowed_origins: allowed_origins.optional(),
        phones: z.boolean().optional(),
        enabled: z.boolean().optional(),
      }),
    )
    .output(siteView)
    .mutation(({ ctx, input: { id: site, ...change } }) =>
      ctx.services.sites.update(ctx.actor, site, present(change)),
    ),

  get: procedure
    .meta({ action: 'sites.read' })
    .input(z.strictObject({ id }))
    .output(siteView)
    .query(({ ctx, input }) => ctx.services.sites.get(ctx.actor, input.id)),

  stats: procedure
    .meta({ action: 'sites.read' })
    .input(z.strictObject({ id }))
    .output(siteStatsView)
    .query(({ ctx, input }) => ctx.services.sites.stats(ctx.actor, input.id)),
})

/** Without the fields that were not given. */
function present<T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
