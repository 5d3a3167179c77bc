import { initTRPC } from '@trpc/server'
import { ForgeError, type ForgeErrorJson } from '../../kernel/errors.ts'
import type { ApiContext } from './context.ts'
import { toForgeError, toTrpcError } from './errors.ts'

const t = initTRPC.context<ApiContext>().create({
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

/** Every procedure of the API: a ForgeError keeps its status on the way out. */
export const procedure = t.procedure.use(async ({ next }) => {
  const result = await next()
  if (!result.ok && result.error.cause instanceof ForgeError) throw toTrpcError(result.error.cause)
  return result
})
