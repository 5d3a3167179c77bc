import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { parseRange } from './rest-blobs.ts'
import { actorOf, assertSameOrigin } from './security.ts'

const request = (headers: Record<string, string>, remoteAddress = '127.0.0.1') =>
  ({
    headers: { host: 'localhost:3000', ...headers },
    socket: { remoteAddress },
  }) as unknown as IncomingMessage

describe('the local user', () => {
  const kind = (headers: Record<string, string>, address?: string) =>
    actorOf(request(headers, address), 'me').kind
  it('is somebody whose connection, proxy and host name are all of this machine', () => {
    expect(actorOf(request({}), 'me')).toEqual({ kind: 'local', ownerId: 'me' })
    for (const host of ['localhost', '127.0.0.1:8080', '[::1]:3000', 'LOCALHOST:3000'])
      expect(kind({ host }), host).toBe('local')
    for (const address of ['::1', '::ffff:127.0.0.1', '127.1.2.3'])
      expect(kind({}, address), address).toBe('local')
    expect(kind({ 'x-forwarded-for': '127.0.0.1, ::1' })).toBe('local')
  })
  it.each<[string, Record<string, string>, string?]>([
    ['another address', {}, '192.168.1.5'],
    ['an address that looks like loopback', {}, '::ffff:12.7.0.1'],
    ['a rebound name', { host: 'evil.example:3000' }],
    ['a name that begins like ours', { host: 'localhost.evil.example' }],
    ['a name that begins like an address', { host: '127.0.0.1.evil.example' }],
    ['no sensible host', { host: 'a b' }],
    ['an address from a proxy', { 'x-forwarded-for': '203.0.113.7' }],
    ['an address anywhere in the list', { 'x-forwarded-for': '127.0.0.1, 203.0.113.7' }],
    ['a real address', { 'x-real-ip': '203.0.113.7' }],
    ['a Forwarded header', { forwarded: 'for=203.0.113.7' }],
  ])('is not %s', (_, headers, address) => {
    expect(kind(headers, address)).toBe('visitor')
  })
})

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
