import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'
import { sendJson } from './respond.ts'

/** What machines that watch the server ask: is it alive, may it be given work, what are its figures. */

export interface OperatorPorts {
  /** What keeps the server from serving now; empty when it is ready. */
  unready(): Promise<readonly string[]>
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  /** Who shows it may read the metrics from another machine. */
  readonly metricsToken: string | undefined
}

export const READY = '/readyz'
export const METRICS = '/metrics'

/** 200 or 503; a balancer looks at the status, people at the reasons. */
export async function serveReady(response: ServerResponse, operator: OperatorPorts): Promise<void> {
  const reasons = await operator.unready()
  sendJson(response, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons })
}

/** @throws ForgeError NOT_FOUND for whoever may not read them: a stranger does not learn that there are any */
export async function serveMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  operator: OperatorPorts,
): Promise<void> {
  if (!isLocal(request) && !showsToken(request, operator.metricsToken))
    throw new ForgeError('NOT_FOUND', 'there is nothing here')
  const { type, text } = await operator.metrics()
  response.writeHead(200, { 'content-type': type, 'cache-control': 'no-store' })
  response.end(request.method === 'HEAD' ? undefined : text)
}

/** A program on this machine, not a proxy that speaks for somebody else. */
function isLocal({ socket, headers }: IncomingMessage): boolean {
  const peer = socket.remoteAddress ?? ''
  const isLoopback = peer === '::1' || /^(::ffff:)?127\./.test(peer)
  return isLoopback && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined
}

function showsToken({ headers }: IncomingMessage, token: string | undefined): boolean {
  if (token === undefined) return false
  const [shown, expected] = [Buffer.from(headers.authorization ?? ''), Buffer.from(`Bearer ${token}`)]
  return shown.length === expected.length && timingSafeEqual(shown, expected)
}

/** The part of the site that a path belongs to, as the figures name it. */
export function areaOf(path: string): string {
  if (path.startsWith('/api/auth')) return 'sign_in'
  if (path.startsWith('/api/trpc')) return 'trpc'
  if (path.startsWith('/api/v0/blobs')) return 'blobs'
  if (path.startsWith('/api/')) return 'rest'
  if (path.startsWith('/embed/')) return 'embed'
  if (path.startsWith('/log/') || path.startsWith('/.well-known/')) return 'ledger'
  if (path === '/healthz' || path === READY || path === METRICS) return 'operator'
  return path.startsWith('/_next/') ? 'site_files' : 'pages'
}
