import { initTRPC, tracked } from '@trpc/server'
import { ForgeError } from '../../kernel/errors.ts'
import {
  contractInput,
  contractOutput,
  enrolInput,
  enrolOutput,
  leasesInput,
  releaseInput,
  resultInput,
  resultOutput,
} from '../../kernel/protocol.ts'
import type { Actor } from '../core/actor.ts'
import { type AgentOwnerPorts, ownerOfAgent } from '../core/agent-owner.ts'
import type { HubSessions } from '../core/hub-port.ts'
import { toForgeError, toTrpcError } from './errors.ts'

/**
 * The hub as a tRPC router, served on `/agent` only. Schemas come from kernel/protocol.ts; a call that does not fit
 * them ends the connection (server/http/agent-socket.ts).
 */
export interface HubContext extends AgentOwnerPorts {
  readonly remoteAddress: string
  readonly hub: HubSessions
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
    enrol: procedure
      .input(enrolInput)
      .output(enrolOutput)
      .mutation(async ({ ctx, input }) => {
        const { owner, tokenId } = await ownerOfAgent(ctx, { ...ctx, token: input.owner_token })
        const enrolled = await ctx.hub.enrol(input, {
          remoteAddress: ctx.remoteAddress,
          ownerId: owner.id,
          ownerLabel: owner.label,
          tokenId,
        })
        await confirmToken(ctx, tokenId)
        return enrolled
      }),

    /** Tracked: an agent that reconnects resumes after the last message it saw. */
    leases: procedure.input(leasesInput).subscription(async function* ({ ctx, input, signal }) {
      for await (const { id, message } of ctx.hub.leases(input, signal ?? new AbortController().signal)) {
        yield tracked(id, message)
      }
    }),

    contract: procedure
      .input(contractInput)
      .output(contractOutput)
      .query(({ ctx, input }) => ctx.hub.contract(input.session, input.contract_hash)),

    result: procedure
      .input(resultInput)
      .output(resultOutput)
      .mutation(({ ctx, input }) => ctx.hub.result(input)),

    release: procedure.input(releaseInput).mutation(async ({ ctx, input }) => {
      await ctx.hub.release(input)
    }),
  }),
})
