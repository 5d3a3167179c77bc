import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { schemaError } from '../../kernel/contract.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { siteEnrolment } from '../../kernel/protocol.ts'
import type { Visit } from '../core/embed.ts'
import type { ApiContext } from '../trpc/context.ts'
import { readJsonText } from './body.ts'
import type { ClientAddress } from './client-address.ts'
import { isHandheldRequest } from './embed-route.ts'
import { HTTP_LIMITS } from './limits.ts'
import { sendJson } from './respond.ts'

/** What our own frame in a partner's page says of its visitor: `POST /api/v0/embed/asked | consent | stop`. */

interface EmbedExchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly context: ApiContext
  readonly clientAddress: ClientAddress
}

const visitBody = z.strictObject({
  site_key: siteEnrolment.shape.site_key,
  /** Origin of the partner's page. */
  page: z.string().min(1).max(300),
})
const stopBody = z.strictObject({
  consent: siteEnrolment.shape.consent,
  by: z.enum(['visitor', 'page']),
})

/** The card was seen. @throws ForgeError */
export async function embedAsked(exchange: EmbedExchange): Promise<void> {
  const { response, context } = exchange
  await context.limit('embed_asked')
  const { site_key, page } = await bodyOf(exchange, visitBody)
  await context.services.embed.asked(site_key, visitOf(exchange, page))
  sendJson(response, 200, {})
}

/** The button was pressed. @throws ForgeError */
export async function embedConsent(exchange: EmbedExchange): Promise<void> {
  const { response, context } = exchange
  await context.limit('embed_consent')
  const { site_key, page } = await bodyOf(exchange, visitBody)
  sendJson(response, 200, await context.services.embed.consent(site_key, visitOf(exchange, page)))
}

/** Stop was pressed, or the page was left. @throws ForgeError */
export async function embedStop(exchange: EmbedExchange): Promise<void> {
  const { response, context } = exchange
  const { consent, by } = await bodyOf(exchange, stopBody)
  await context.services.embed.stop(consent, by)
  sendJson(response, 200, {})
}

async function bodyOf<T>({ request }: EmbedExchange, schema: z.ZodType<T>): Promise<T> {
  // That it is ours was checked at the door; here it must be there: every browser sends it with a POST.
  if (request.headers.origin === undefined)
    throw new ForgeError('FORBIDDEN', 'this request does not come from a frame of this site')
  const parsed = schema.safeParse(parseJsonStrict(await readJsonText(request, HTTP_LIMITS.embed_body_bytes)))
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
  return parsed.data
}

function visitOf({ request, clientAddress }: EmbedExchange, page: string): Visit {
  return { page, remoteAddress: clientAddress(request), isHandheld: isHandheldRequest(request) }
}
