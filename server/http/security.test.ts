import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { parseRange } from './rest-blobs.ts'
import { assertSameOrigin, newNonce, pagePolicy } from './security.ts'

const request = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
  ({
    headers: { host: 'localhost:3000', ...headers },
    socket: { remoteAddress },
  }) as unknown as IncomingMessage

describe('a request that changes something', () => {
  it.each<[string, Record<string, string>]>([
    ['a program', {}],
    ['the same origin', { origin: 'http://localhost:3000', 'sec-fetch-site': 'same-origin' }],
    [
      'the same origin behind a proxy that ends TLS',
      { host: 'pool.example', origin: 'https://pool.example' },
    ],
    ['a typed address', { 'sec-fetch-site': 'none' }],
  ])('is taken from %s', (_, headers) => {
    expect(() => assertSameOrigin(request(headers))).not.toThrow()
  })
  it.each<[string, Record<string, string>]>([
    ['another site', { origin: 'http://evil.example' }],
    ['another port', { origin: 'http://localhost:3001' }],
    ['a sandbox', { origin: 'null' }],
    ['a sibling domain', { 'sec-fetch-site': 'same-site' }],
    ['a cross-site fetch without Origin', { 'sec-fetch-site': 'cross-site' }],
  ])('is refused from %s', (_, headers) => {
    expect(() => assertSameOrigin(request(headers))).toThrow(expect.objectContaining({ code: 'FORBIDDEN' }))
  })
})

describe('the policy of a page', () => {
  it('lets only the site’s own scripts and those of this very answer run', () => {
    const policy = pagePolicy('bm9uY2U=', false)
    expect(policy).toContain("script-src 'self' 'nonce-bm9uY2U=' 'wasm-unsafe-eval';")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain("'unsafe-eval'")
    expect(/script-src [^;]*unsafe-inline/.test(policy)).toBe(false)
    expect(newNonce()).not.toBe(newNonce())
  })
})

describe('a byte range', () => {
  it.each<[string | undefined, unknown]>([
    [undefined, undefined],
    ['bytes=0-0', { start: 0, end: 0 }],
    ['bytes=5-', { start: 5, end: 9 }],
    ['bytes=5-99', { start: 5, end: 9 }],
    ['bytes=-3', { start: 7, end: 9 }],
    ['bytes=-99', { start: 0, end: 9 }],
    ['bytes=10-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=5-4', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,3-4', undefined],
    ['items=0-1', undefined],
  ])('%s of ten bytes', (header, expected) => {
    expect(parseRange(header, 10)).toEqual(expected)
  })
})
