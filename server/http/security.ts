import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'

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
