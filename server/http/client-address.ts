import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'
import proxyaddr from 'proxy-addr'
import { ForgeError } from '../../kernel/errors.ts'
import { CLIENT_ADDRESS_HEADER } from '../accounts/sign-in.ts'

/** Whom a request comes from, for limits and for the network of an anonymous agent: an IPv4 or IPv6 address. */
export interface ClientAddress {
  (request: IncomingMessage): string
  /** Whether connections from this address are many people's: of a trusted proxy, or of this machine's own pages. */
  isShared(address: string): boolean
}

/** Where the pages call from. */
const LOOPBACK: ReadonlySet<string> = new Set(['127.0.0.1', '::1', '::ffff:127.0.0.1'])

/** Shows that a request comes from this process's own pages, which call the API over loopback for a visitor. */
const PAGES_TOKEN_HEADER = 'x-forge-pages-token'

export interface ClientAddressOptions {
  /** Addresses and prefixes of proxies whose `X-Forwarded-For` is believed; also `loopback` and the like. */
  readonly trustedProxies: readonly string[]
  /** Known to this process alone. */
  readonly pagesToken: string
}

/**
 * The peer of the connection, unless that is a trusted proxy: then the last address in `X-Forwarded-For` that no
 * trusted proxy has. What stands before it in the list was written by a stranger and is not looked at.
 * @throws ForgeError CANCELLED when the connection is gone
 */
export function createClientAddress({ trustedProxies, pagesToken }: ClientAddressOptions): ClientAddress {
  const isTrusted = proxyaddr.compile([...trustedProxies])
  const clientAddress = (request: IncomingMessage): string => {
    const peer = request.socket.remoteAddress
    if (peer === undefined) throw new ForgeError('CANCELLED', 'the client closed the connection')
    const { [PAGES_TOKEN_HEADER]: token, [CLIENT_ADDRESS_HEADER]: visitor } = request.headers
    if (typeof token === 'string' && isSame(token, pagesToken)) {
      return typeof visitor === 'string' && isIP(visitor) !== 0 ? visitor : peer
    }
    // A trusted proxy may have passed on what is not an address: then the proxy itself is the best that is known.
    return proxyaddr.all(request, isTrusted).findLast((address) => isIP(address) !== 0) ?? peer
  }
  return Object.assign(clientAddress, {
    isShared: (address: string) => LOOPBACK.has(address) || isTrusted(address, 0),
  })
}

/** Tells the pages the address, in the place of whatever a client has sent under that name. */
export function handOnClientAddress(request: IncomingMessage, address: string): void {
  delete request.headers[PAGES_TOKEN_HEADER]
  request.headers[CLIENT_ADDRESS_HEADER] = address
}

function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
