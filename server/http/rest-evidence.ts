import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { schemaError } from '../../kernel/contract.ts'
import type { ApiContext } from '../trpc/context.ts'
import { sendJson } from './respond.ts'

const wholeNumber = z
  .string()
  .regex(/^(0|[1-9][0-9]{0,14})$/, 'a size of the ledger is a whole number')
  .transform(Number)

const querySchema = z.strictObject({
  digests: z.enum(['yes', 'no']).default('yes'),
  since: wholeNumber.optional(),
})

/**
 * `GET /api/v0/jobs/{id}/evidence?digests=no&since=1234`: the evidence file of a settled job.
 * @throws ForgeError
 */
export async function sendEvidence(
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
  context: ApiContext,
): Promise<void> {
  const query = querySchema.safeParse(searchOf(request))
  if (!query.success) throw schemaError(query.error, 'MESSAGE_INVALID')
  const { digests, since } = query.data
  const parts = await context.services.evidence.bundle(context.actor, id, {
    digests: digests === 'yes',
    since,
  })
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': `attachment; filename="${id}.forge"`,
    'cache-control': 'no-store',
  })
  if (request.method === 'HEAD') response.end()
  else await pipeline(Readable.from(parts), response)
}

const fromSchema = z.strictObject({ from: wholeNumber.default(0) })

/** `GET /api/v0/records?from=INDEX`: where the records of public jobs are in the ledger. @throws ForgeError */
export async function sendPublicRecords(
  request: IncomingMessage,
  response: ServerResponse,
  { services, actor }: ApiContext,
): Promise<void> {
  const query = fromSchema.safeParse(searchOf(request))
  if (!query.success) throw schemaError(query.error, 'MESSAGE_INVALID')
  sendJson(response, 200, await services.evidence.publicRecords(actor, query.data.from))
}

function searchOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(new URLSearchParams((request.url ?? '').split('?')[1] ?? ''))
}
