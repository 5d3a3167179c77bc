import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import type { EmbedService } from '../core/embed.ts'
import type { EmbedAssets, EmbedFile } from './embed-assets.ts'
import { framePage, noticePage } from './embed-page.ts'

/** What partners' pages load from here. What the frame inside them then asks is rest-embed.ts. */

export const EMBED_PREFIX = '/embed/'

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
  const [, version, name = ''] = /^\/embed\/v1\/([0-9a-f]{16})\/([\w.-]+\.(?:js|css))$/.exec(path) ?? []
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
