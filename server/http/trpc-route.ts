import type { IncomingMessage, ServerResponse } from 'node:http'
import { nodeHTTPRequestHandler } from '@trpc/server/adapters/node-http'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import type { Log } from '../core/log.ts'
import type { ApiContext } from '../trpc/context.ts'
import { toForgeError } from '../trpc/errors.ts'
import { API_LIMITS } from '../trpc/limits.ts'
import { appRouter } from '../trpc/router.ts'
import { discardBody, readJsonText } from './body.ts'

export const TRPC_PREFIX = '/api/trpc/'

/**
 * tRPC over HTTP. The body is read and checked strictly here and handed over as text, so that a contract means the
 * same on this way as over REST, and form posts (which browsers send across sites) are refused.
 * @param context or why the caller is refused, which is answered in tRPC's own words
 */
export async function serveTrpc(
  request: IncomingMessage & { body?: unknown },
  response: ServerResponse,
  path: string,
  context: ApiContext | { readonly refusal: unknown },
  log: Log,
): Promise<void> {
  let refused: unknown
  if (request.method === 'POST') {
    request.body = ''
    try {
      if ('refusal' in context) throw context.refusal
      const text = await readJsonText(request, API_LIMITS.body_bytes)
      if (text !== '') parseJsonStrict(text, API_LIMITS.body_bytes)
      request.body = text
    } catch (error) {
      refused = error
      if (!request.complete) {
        response.setHeader('connection', 'close')
        await discardBody(request)
      }
    }
  } else if ('refusal' in context) refused = context.refusal
  await nodeHTTPRequestHandler({
    router: appRouter,
    path: path.slice(TRPC_PREFIX.length),
    req: request,
    res: response,
    createContext: () => {
      if ('refusal' in context) throw context.refusal
      return context
    },
    // A contract does not fit into a URL: clients may send a query by POST.
    allowMethodOverride: true,
    maxBatchSize: API_LIMITS.batch_calls,
    middleware: (_request, _response, next) => next(refused),
    onError({ error, path: procedure }) {
      if (toForgeError(error).code === 'INTERNAL')
        log.error('api.call_failed', { procedure, error: error.cause ?? error })
    },
  })
}
