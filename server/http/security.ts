import type { IncomingMessage, ServerResponse } from 'node:http'
import { isIPv4 } from 'node:net'
import { ForgeError } from '../../kernel/errors.ts'
import { type Actor, VISITOR } from '../core/actor.ts'

/** What is decided about a request before anything looks at its path. */

/** Inline scripts are Next's own bootstrap; `unsafe-eval` is needed by its development server only. */
function contentSecurityPolicy(dev: boolean): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'${dev ? " 'unsafe-eval'" : ''}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

export function setSecurityHeaders(response: ServerResponse, dev: boolean): void {
  response.setHeader('content-security-policy', contentSecurityPolicy(dev))
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-frame-options', 'DENY')
  response.setHeader('referrer-policy', 'same-origin')
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-resource-policy', 'same-origin')
  response.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=()')
}

/**
 * Refuses what a browser sends on behalf of another site. Programs send neither header and pass: they hold no
 * visitor's rights that another site could borrow.
 * @throws ForgeError FORBIDDEN
 */
export function assertSameOrigin(request: IncomingMessage): void {
  const refuse = (): never => {
    throw new ForgeError('FORBIDDEN', 'this request comes from another site', {
      hint: "Call the API from the site's own pages, or from a program that sends no Origin.",
    })
  }
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none') refuse()
  const origin = request.headers.origin
  if (origin === undefined) return
  // The scheme is not compared: behind a proxy that ends TLS the browser says https and this server hears http.
  if (!URL.canParse(origin) || new URL(origin).host !== request.headers.host?.toLowerCase()) refuse()
}

/**
 * The local user is somebody at this machine: the connection, every address that a proxy reports, and the Host header
 * must all be loopback. The last stops a foreign name that was made to resolve to 127.0.0.1 (DNS rebinding); the
 * middle stops a reverse proxy from turning all the world into the local user. Whatever fails is a visitor.
 */
export function actorOf(request: IncomingMessage, localOwnerId: string): Actor {
  const { remoteAddress } = request.socket
  const reported = [...addressList(request, 'x-forwarded-for'), ...addressList(request, 'x-real-ip')]
  const local =
    remoteAddress !== undefined &&
    isLoopback(remoteAddress) &&
    reported.every(isLoopback) &&
    request.headers.forwarded === undefined &&
    isLoopbackHost(request.headers.host)
  return local ? { kind: 'local', ownerId: localOwnerId } : VISITOR
}

function addressList(request: IncomingMessage, header: string): string[] {
  const value = request.headers[header]
  if (value === undefined) return []
  return (Array.isArray(value) ? value.join(',') : value).split(',').map((entry) => entry.trim())
}

function isLoopback(address: string): boolean {
  const text = address.replace(/^::ffff:/i, '')
  return text === '::1' || (isIPv4(text) && text.startsWith('127.'))
}

function isLoopbackHost(host: string | undefined): boolean {
  if (host === undefined || !URL.canParse(`http://${host}`)) return false
  const { hostname } = new URL(`http://${host}`)
  return hostname === 'localhost' || hostname === '[::1]' || isLoopback(hostname)
}
