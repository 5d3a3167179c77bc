import { initTRPC } from '@trpc/server'
import { ForgeError } from '../../kernel/errors.ts'
import {
  challengeInput,
  challengeOutput,
  contractInput,
  contractOutput,
  enrolInput,
  enrolOutput,
  releaseInput,
} from '../../kernel/protocol.ts'
import { type Actor, VISITOR } from '../core/actor.ts'
import { type AgentOwnerPorts, ownerOfAgent } from '../core/agent-owner.ts'
import type { ChallengeService } from '../core/challenges.ts'
import type { EmbedService } from '../core/embed.ts'
import type { HubSessions } from '../core/hub-port.ts'
import { knownNetwork } from '../core/network-prefix.ts'
import { toForgeError, toTrpcError } from './errors.ts'

/**
 * The hub as a tRPC router, served on `/agent` only. Schemas come from kernel/protocol.ts; a call that does not fit
 * them ends the connection. What comes once a lease, `hub.result` and the messages of `hub.leases`, is served beside it
 * (server/http/agent-calls.ts).
 */
export interface HubContext extends AgentOwnerPorts {
  readonly remoteAddress: string
  readonly hub: HubSessions
  readonly challenges: Pick<ChallengeService, 'issue' | 'redeem'>
  readonly embed: Pick<EmbedService, 'admit'>
  /** Who sends the cookies that opened the socket. */
  readonly identify: () => Promise<Actor>
}

const t = initTRPC.context<HubContext>().create({
  isDev: false,
  errorFormatter({ shape, error }) {
    const forge = toForgeError(error)
    return {
      code: shape.code,
      message: forge.message,
      data: { code: shape.data.code, httpStatus: forge.status, forge: forge.toJSON() },
    }
  },
})

/** A token may have been revoked while its agent was on its way in: then the revocation has not seen the session. */
async function confirmToken({ hub, tokens }: HubContext, tokenId: string | undefined): Promise<void> {
  if (tokenId === undefined || (await tokens.holds(tokenId))) return
  hub.endAgentSessions((session) => session.tokenId === tokenId, 'its node token was revoked')
  throw new ForgeError('UNAUTHENTICATED', 'this node token was revoked', {
    hint: 'Create another on your account page.',
  })
}

const procedure = t.procedure.use(async ({ next }) => {
  const result = await next()
  if (!result.ok && result.error.cause instanceof ForgeError) throw toTrpcError(result.error.cause)
  return result
})

export const hubRouter = t.router({
  hub: t.router({
    challenge: procedure
      .input(challengeInput)
      .output(challengeOutput)
      .query(({ ctx }) => ctx.challenges.issue()),

    enrol: procedure
      .input(enrolInput)
      .output(enrolOutput)
      .mutation(async ({ ctx, input }) => {
        const site = input.site === undefined ? undefined : await ctx.embed.admit(input.site)
        // In a partner's page a visitor is nobody but his network, even where the browser sends his cookies: what he
        // does on other sites is not to be tied to his account.
        const who = site === undefined ? ctx.identify : async () => VISITOR
        const token = site === undefined ? input.owner_token : undefined
        const { owner, tokenId } = await ownerOfAgent(ctx, { ...ctx, token, identify: who })
        if (owner.kind === 'network') await ctx.challenges.redeem(input.challenge)
        const enrolled = await ctx.hub.enrol(input, {
          network: knownNetwork(ctx.remoteAddress),
          ownerId: owner.id,
          ownerLabel: owner.label,
          tokenId,
          site,
        })
        await confirmToken(ctx, tokenId)
        return enrolled
      }),

    contract: procedure
      .input(contractInput)
      .output(contractOutput)
      .query(({ ctx, input }) => ctx.hub.contract(input.session, input.contract_hash)),

    release: procedure.input(releaseInput).mutation(async ({ ctx, input }) => {
      await ctx.hub.release(input)
    }),
  }),
})
