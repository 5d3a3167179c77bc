import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ApiContext } from '../trpc/context.ts'

/** `GET /api/v0/credits/statement.csv`: the caller's whole statement, oldest line first. @throws ForgeError */
export async function sendStatement(
  request: IncomingMessage,
  response: ServerResponse,
  { actor, services }: ApiContext,
): Promise<void> {
  const pieces = await services.credits.statementCsv(actor)
  response.writeHead(200, {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': 'attachment; filename="forge-pool-statement.csv"',
    'cache-control': 'no-store',
  })
  if (request.method === 'HEAD') response.end()
  else await pipeline(Readable.from(pieces), response)
}
