import { initTRPC } from '@trpc/server'
import { ForgeError, type ForgeErrorJson, invariant } from '../../kernel/errors.ts'
import { type Action, authorise } from '../core/authorise.ts'
import type { ApiContext, ProcedureLimit } from './context.ts'
import { toForgeError, toTrpcError } from './errors.ts'

/** What every procedure says of itself. */
interface ProcedureMeta {
  readonly action: Action
  /** Counted besides the calls as such. */
  readonly limit?: ProcedureLimit
}

const t = initTRPC
  .context<ApiContext>()
  .meta<ProcedureMeta>()
  .create({
    // Off even in development: a stack must not leave the process.
    isDev: false,
    errorFormatter({ shape, error }) {
      const forge = toForgeError(error)
      return {
        code: shape.code,
        message: forge.message,
        data: {
          code: shape.data.code,
          httpStatus: forge.status,
          ...(shape.data.path === undefined ? {} : { path: shape.data.path }),
          forge: forge.toJSON() satisfies ForgeErrorJson,
        },
      }
    },
  })

export const router = t.router
export const createCallerFactory = t.createCallerFactory

/**
 * Every procedure of the API. It names its action, `procedure.meta({ action })`, which is decided before its input is
 * looked at; whose thing it is done to is for the service to ask. A ForgeError keeps its status on the way out.
 */
export const procedure = t.procedure.use(async ({ ctx, meta, next }) => {
  invariant(meta !== undefined, 'a procedure names its action')
  try {
    authorise(ctx.actor, meta.action)
    if (meta.limit !== undefined) await ctx.limit(meta.limit)
  } catch (error) {
    throw error instanceof ForgeError ? toTrpcError(error) : error
  }
  const result = await next()
  if (!result.ok && result.error.cause instanceof ForgeError) throw toTrpcError(result.error.cause)
  return result
})
