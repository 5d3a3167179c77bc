import type { IncomingMessage } from 'node:http'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CLIENT_ADDRESS_HEADER } from '../accounts/sign-in.ts'
import { createClientAddress, handOnClientAddress } from './client-address.ts'

const PAGES_TOKEN = 'known to this process'

function addressOf(
  trustedProxies: readonly string[],
  peer: string,
  headers: Readonly<Record<string, string>> = {},
): string {
  const request = { headers, socket: { remoteAddress: peer } } as unknown as IncomingMessage
  return createClientAddress({ trustedProxies, pagesToken: PAGES_TOKEN })(request)
}

describe("the client's address", () => {
  it.each<[string, readonly string[], string, string | undefined, string]>([
    ['the peer without proxies', [], '203.0.113.7', undefined, '203.0.113.7'],
    ['the peer when nobody is trusted', [], '127.0.0.1', '203.0.113.7', '127.0.0.1'],
    ['the peer when he is no trusted proxy', ['10.0.0.0/8'], '192.0.2.1', '203.0.113.7', '192.0.2.1'],
    ['what a trusted proxy reports', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.7', '203.0.113.7'],
    ['the one before a chain of them', ['10.0.0.0/8'], '10.1.2.3', '203.0.113.7, 10.9.9.9', '203.0.113.7'],
    ['not what the client has put before', ['10.0.0.0/8'], '10.1.2.3', '1.1.1.1, 203.0.113.7', '203.0.113.7'],
    ['a proxy on this machine', ['loopback'], '::1', '2001:db8::7', '2001:db8::7'],
    ['a proxy seen through IPv6', ['10.0.0.0/8'], '::ffff:10.1.2.3', '203.0.113.7', '203.0.113.7'],
    ['the proxy when it reports nonsense', ['10.0.0.0/8'], '10.1.2.3', 'unknown', '10.1.2.3'],
    ['the proxy when it reports nothing', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
  ])('is %s', (_, trusted, peer, forwarded, expected) => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    expect(addressOf(trusted, peer, headers)).toBe(expected)
  })

  it('is never what an untrusted peer writes', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.string(), fc.ipV4(), (peer, forwarded, claimed) => {
        const headers = { 'x-forwarded-for': forwarded, [CLIENT_ADDRESS_HEADER]: claimed }
        expect(addressOf([], peer, headers)).toBe(peer)
      }),
    )
  })

  it('of a page’s own call is the visitor’s, and only with the token of this process', () => {
    const own = { 'x-forge-pages-token': PAGES_TOKEN, [CLIENT_ADDRESS_HEADER]: '203.0.113.7' }
    expect(addressOf([], '127.0.0.1', own)).toBe('203.0.113.7')
    expect(addressOf([], '127.0.0.1', { ...own, [CLIENT_ADDRESS_HEADER]: 'x' })).toBe('127.0.0.1')
    expect(addressOf([], '127.0.0.1', { ...own, 'x-forge-pages-token': 'guessed' })).toBe('127.0.0.1')
  })

  it('is handed on in the place of what the client has sent', () => {
    const headers: Record<string, string> = { 'x-forge-pages-token': 'x', [CLIENT_ADDRESS_HEADER]: '1.1.1.1' }
    handOnClientAddress({ headers } as unknown as IncomingMessage, '203.0.113.7')
    expect(headers).toEqual({ [CLIENT_ADDRESS_HEADER]: '203.0.113.7' })
  })
})
