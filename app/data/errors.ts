import { z } from 'zod'
import { ERROR_CODES, type ErrorCode, ForgeError, type ForgeErrorJson } from '../../kernel/errors.ts'

const forgeErrorJson = z.object({
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  message: z.string(),
  hint: z.string().optional(),
  path: z.string().optional(),
  retryable: z.boolean(),
})
/** Where a ForgeError stands: in a tRPC error's `data.forge`, or in a REST error body's `error`. */
const trpcShape = z.object({ data: z.object({ forge: forgeErrorJson }) })
const restShape = z.object({ error: forgeErrorJson })

/** Any thrown value as the project's error. What has no code is a network failure or a fault of this page. */
export function forgeErrorOf(error: unknown): ForgeErrorJson {
  if (error instanceof ForgeError) return error.toJSON()
  for (const shape of [
    trpcShape.transform((e) => e.data.forge),
    restShape.transform((e) => e.error),
    forgeErrorJson,
  ]) {
    const parsed = shape.safeParse(error)
    if (parsed.success) return withoutUndefined(parsed.data)
  }
  const message = error instanceof Error ? error.message : String(error)
  if (
    /fetch failed|failed to fetch|networkerror|load failed|econnrefused|unexpected token|json/i.test(message)
  ) {
    return {
      code: 'UNAVAILABLE',
      message: 'the server does not answer',
      hint: 'Check that it is running; this page tries again by itself.',
      retryable: true,
    }
  }
  return { code: 'INTERNAL', message, retryable: false }
}

function withoutUndefined(error: z.infer<typeof forgeErrorJson>): ForgeErrorJson {
  const { code, message, retryable } = error
  return {
    code,
    message,
    retryable,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.path === undefined ? {} : { path: error.path }),
  }
}
