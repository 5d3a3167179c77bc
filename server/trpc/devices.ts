import { z } from 'zod'
import { claimChallengeView, claimView, deviceList, deviceView } from '../../kernel/api/devices.ts'
import { claimProof } from '../../kernel/claim.ts'
import { EXECUTOR_KINDS } from '../../kernel/receipt.ts'
import { CORE_LIMITS } from '../core/limits.ts'
import { procedure, router } from './init.ts'

const deviceId = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits are expected')
const deviceName = z
  .string()
  .trim()
  .min(1)
  .max(CORE_LIMITS.device_name_chars)
  .regex(/^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$/u, 'letters, digits, spaces and punctuation only')

export const devicesRouter = router({
  list: procedure
    .meta({ action: 'devices.read' })
    .output(deviceList)
    .query(async ({ ctx }) => ({ items: await ctx.services.devices.list(ctx.actor) })),

  rename: procedure
    .meta({ action: 'devices.manage' })
    .input(z.strictObject({ id: deviceId, name: deviceName.nullable() }))
    .output(deviceView)
    .mutation(({ ctx, input }) => ctx.services.devices.rename(ctx.actor, input.id, input.name)),

  revoke: procedure
    .meta({ action: 'devices.manage' })
    .input(z.strictObject({ id: deviceId }))
    .output(deviceView)
    .mutation(({ ctx, input }) => ctx.services.devices.revoke(ctx.actor, input.id)),

  appeal: procedure
    .meta({ action: 'devices.manage' })
    .input(z.strictObject({ id: deviceId, executor: z.enum(EXECUTOR_KINDS) }))
    .output(deviceView)
    .mutation(({ ctx, input }) => ctx.services.devices.appeal(ctx.actor, input.id, input.executor)),

  claimChallenge: procedure
    .meta({ action: 'devices.claim' })
    .output(claimChallengeView)
    .mutation(({ ctx }) => ctx.services.devices.claimChallenge(ctx.actor)),

  claim: procedure
    .meta({ action: 'devices.claim' })
    .input(claimProof)
    .output(claimView)
    .mutation(({ ctx, input }) => ctx.services.devices.claim(ctx.actor, input)),
})
