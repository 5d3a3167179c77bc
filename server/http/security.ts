import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { ForgeError } from '../../kernel/errors.ts'

/** What is decided about a request before anything looks at its path. */

/** What no answer but a page's needs: nothing may be loaded, and nobody may frame it. */
const NO_PAGE_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

/**
 * The policy of a page. Scripts are the site's own files, and inline ones that carry the nonce, new for each request:
 * Next's bootstrap and the theme's. Styles may be inline, since components set them as attributes.
 * @param dev `unsafe-eval` is needed by Next's development server only
 */
export function pagePolicy(nonce: string, dev: boolean): string {
  return [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'wasm-unsafe-eval'${dev ? " 'unsafe-eval'" : ''}`,
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')
}

/** 128 bits, in base64 as the header wants it. */
export function newNonce(): string {
  return randomBytes(16).toString('base64')
}

/** Headers of every answer. @param isHttps whether people reach the site by https */
export function setSecurityHeaders(response: ServerResponse, isHttps: boolean): void {
  response.setHeader('content-security-policy', NO_PAGE_POLICY)
  response.setHeader('x-content-type-options', 'nosniff')
  response.setHeader('x-frame-options', 'DENY')
  response.setHeader('referrer-policy', 'same-origin')
  response.setHeader('cross-origin-opener-policy', 'same-origin')
  response.setHeader('cross-origin-resource-policy', 'same-origin')
  response.setHeader('permissions-policy', 'camera=(), geolocation=(), microphone=()')
  if (isHttps) response.setHeader('strict-transport-security', 'max-age=31536000')
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
