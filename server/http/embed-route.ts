import type { IncomingMessage, ServerResponse } from 'node:http'
import { z } from 'zod'
import { parseJsonStrict } from '../../kernel/canonical.ts'
import { schemaError } from '../../kernel/contract.ts'
import { ForgeError } from '../../kernel/errors.ts'
import { siteEnrolment } from '../../kernel/protocol.ts'
import type { Actor } from '../core/actor.ts'
import { authorise } from '../core/authorise.ts'
import type { EmbedService, Visit } from '../core/embed.ts'
import type { ApiContext } from '../trpc/context.ts'
import { readJsonText } from './body.ts'
import type { ClientAddress } from './client-address.ts'
import type { EmbedAssets, EmbedFile } from './embed-assets.ts'
import { framePage, noticePage } from './embed-page.ts'
import { HTTP_LIMITS } from './limits.ts'
import { sendJson } from './respond.ts'

/** What partners' pages load from here, and what the frame inside them asks. */

export const EMBED_PREFIX = '/embed/'
export const EMBED_API_PREFIX = '/api/v0/embed/'

/** A partner's page names no build: a mended loader reaches everybody within minutes. */
const LOADER_CACHE = 'public, max-age=300, stale-while-revalidate=3600'
const FOR_EVER = 'public, max-age=31536000, immutable'
/** The frame may use none of what asks the visitor for more than computing. */
const NO_FEATURES =
  'camera=(), clipboard-read=(), clipboard-write=(), display-capture=(), fullscreen=(), geolocation=(), microphone=(), payment=(), usb=()'

export interface EmbedPorts {
  readonly embed: EmbedService
  /** Undefined where the embed is not built. */
  readonly assets: EmbedAssets | undefined
}

/** `GET /embed/v1.js`, `/embed/v1/frame?site=…` and the frame's own files. @throws ForgeError NOT_FOUND */
export async function serveEmbed(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  { embed, assets }: EmbedPorts,
): Promise<void> {
  const isRead = request.method === 'GET' || request.method === 'HEAD'
  if (assets === undefined || !isRead) throw notFound()
  if (path === '/embed/v1.js') {
    // It is the partner's page that runs it, whatever it isolates itself from.
    response.setHeader('cross-origin-resource-policy', 'cross-origin')
    response.setHeader('access-control-allow-origin', '*')
    sendFile(request, response, assets.loader, LOADER_CACHE)
    return
  }
  if (path === '/embed/v1/frame') return serveFrame(request, response, embed, assets)
  const [, version, name = ''] = /^\/embed\/v1\/([0-9a-f]{16})\/([a-z-]+\.(?:js|css))$/.exec(path) ?? []
  const file = version === assets.version ? assets.files.get(name) : undefined
  if (file === undefined) throw notFound()
  // Workers obey the policy that comes with their own script.
  response.setHeader('content-security-policy', policy([]))
  response.setHeader('cross-origin-embedder-policy', 'require-corp')
  sendFile(request, response, file, FOR_EVER)
}

async function serveFrame(
  request: IncomingMessage,
  response: ServerResponse,
  embed: EmbedService,
  assets: EmbedAssets,
): Promise<void> {
  const query = new URLSearchParams((request.url ?? '').split('?')[1])
  const site = await embed.site(query.get('site') ?? '')
  const phones = site?.phones === true && query.get('phones') === 'on'
  response.removeHeader('x-frame-options')
  response.removeHeader('cross-origin-opener-policy')
  // So that it also loads in a page that isolates itself.
  response.setHeader('cross-origin-embedder-policy', 'require-corp')
  response.setHeader('cross-origin-resource-policy', 'cross-origin')
  response.setHeader('permissions-policy', NO_FEATURES)
  const notice = (status: number, text: string): void => {
    response.statusCode = status
    // It runs nothing and says nothing of anybody: whose page shows it does not matter.
    response.setHeader('content-security-policy', "default-src 'none'; base-uri 'none'; form-action 'none'")
    send(request, response, Buffer.from(noticePage(text)), HTML, 'no-store')
  }
  if (site === undefined) return notice(404, 'There is no such site key.')
  if (!site.enabled) return notice(403, 'The owner of this site has switched this off.')
  if (site.allowed_origins.length === 0)
    return notice(403, 'No page may use this site key: its owner has allowed no origin.')
  if (isHandheldRequest(request) && !phones) return notice(403, 'This site does not ask phones to compute.')
  response.setHeader('content-security-policy', policy(site.allowed_origins))
  const page = framePage(site, { version: assets.version, phones })
  send(request, response, Buffer.from(page), HTML, 'no-store')
}

const HTML = 'text/html; charset=utf-8'

/** @param ancestors the origins of pages that may hold the frame; none: no page at all */
function policy(ancestors: readonly string[]): string {
  return [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "style-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    `frame-ancestors ${ancestors.length === 0 ? "'none'" : ancestors.join(' ')}`,
  ].join('; ')
}

function sendFile(request: IncomingMessage, response: ServerResponse, file: EmbedFile, cache: string): void {
  const isGzip = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
  response.setHeader('vary', 'accept-encoding')
  if (isGzip) response.setHeader('content-encoding', 'gzip')
  send(request, response, isGzip ? file.gzipped : file.bytes, file.type, cache)
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Buffer,
  type: string,
  cache: string,
): void {
  response.setHeader('content-type', type)
  response.setHeader('content-length', bytes.length)
  response.setHeader('cache-control', cache)
  response.end(request.method === 'HEAD' ? undefined : bytes)
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

/** `POST /api/v0/embed/asked | consent | stop`, sent by our own frame alone. @throws ForgeError */
export async function serveEmbedApi(
  request: IncomingMessage,
  response: ServerResponse,
  route: string,
  ports: {
    readonly actor: Actor
    readonly embed: EmbedService
    readonly limit: ApiContext['limit']
    readonly clientAddress: ClientAddress
  },
): Promise<void> {
  const { actor, embed } = ports
  authorise(actor, 'embed.visit')
  if (request.method !== 'POST') {
    response.setHeader('allow', 'POST')
    throw new ForgeError('NOT_FOUND', 'this path has no such method', { hint: 'Use POST.' })
  }
  // That it is ours was checked before; here it must be there: every browser sends it with a POST.
  if (request.headers.origin === undefined)
    throw new ForgeError('FORBIDDEN', 'this request does not come from a frame of this site')
  const body = parseJsonStrict(await readJsonText(request, HTTP_LIMITS.embed_body_bytes))
  switch (route) {
    case 'asked': {
      await ports.limit('embed_asked')
      const { site_key, page } = parse(visitBody, body)
      await embed.asked(site_key, visitOf(request, page, ports.clientAddress))
      sendJson(response, 200, {})
      return
    }
    case 'consent': {
      await ports.limit('embed_consent')
      const { site_key, page } = parse(visitBody, body)
      sendJson(response, 200, await embed.consent(site_key, visitOf(request, page, ports.clientAddress)))
      return
    }
    case 'stop': {
      const { consent, by } = parse(stopBody, body)
      await embed.stop(consent, by)
      sendJson(response, 200, {})
      return
    }
    default:
      throw notFound()
  }
}

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body)
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
  return parsed.data
}

function visitOf(request: IncomingMessage, page: string, clientAddress: ClientAddress): Visit {
  return {
    page,
    remoteAddress: clientAddress(request),
    isHandheld: isHandheldRequest(request),
  }
}

/** A phone or a tablet, as far as the request tells; an iPad that calls itself a Mac is told apart in the frame. */
export function isHandheldRequest({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  return (
    headers['sec-ch-ua-mobile'] === '?1' ||
    /Android|iPhone|iPad|iPod|Mobile/.test(headers['user-agent'] ?? '')
  )
}

function notFound(): ForgeError {
  return new ForgeError('NOT_FOUND', 'there is nothing here', {
    hint: 'The embed is served at /embed/v1.js once it is built: npm run build.',
  })
}
