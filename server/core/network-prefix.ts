import { isIPv4, isIPv6 } from 'node:net'
import { ForgeError } from '../../kernel/errors.ts'

/**
 * The network that an anonymous agent's address belongs to: its owner. IPv4 /24, IPv6 /48 (what one customer of a
 * provider commonly gets), so that a person with many addresses is still one owner.
 */

/**
 * @param address as `socket.remoteAddress` gives it: IPv4, IPv6, IPv4-mapped IPv6 (`::ffff:203.0.113.9`), zone allowed
 * @returns `203.0.113.0/24` or `2001:db8:1::/48` (RFC 5952 text form)
 * @throws ForgeError INTERNAL when it is not an IP address
 */
export function networkPrefix(address: string): string {
  const groups = ipGroups(address)
  if (groups.length === 4) return `${groups.slice(0, 3).join('.')}.0/24`
  const head = groups.slice(0, 3)
  while (head.at(-1) === 0) head.pop()
  return `${head.map((group) => group.toString(16)).join(':')}::/48`
}

/**
 * The network of a public address, as a sign of who stands behind it: agents of two accounts in one network may well be
 * one person's. Loopback, private and shared addresses (RFC 1918, 6598, 3927, 4193, 4291) say nothing of the kind: there
 * everybody of a machine or a house, or behind a proxy that is not trusted, looks alike.
 * @returns undefined where the address says nothing
 * @throws ForgeError INTERNAL when it is not an IP address
 */
export function knownNetwork(address: string): string | undefined {
  const [a = 0, b = 0, ...rest] = ipGroups(address)
  if (rest.length === 2) {
    const isLocal =
      a === 0 ||
      a === 10 ||
      a === 127 ||
      (a === 100 && b >= 64 && b < 128) ||
      (a === 169 && b === 254) ||
      (a === 172 && b >= 16 && b < 32) ||
      (a === 192 && b === 168)
    return isLocal ? undefined : networkPrefix(address)
  }
  const isLocal = a === 0 || (a & 0xfe00) === 0xfc00 || (a & 0xffc0) === 0xfe80
  return isLocal ? undefined : networkPrefix(address)
}

/** One key for all addresses that one host can pick at will: the IPv4 address, or the IPv6 /64. */
export function hostKey(address: string): string {
  const groups = ipGroups(address)
  if (groups.length === 4) return groups.join('.')
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`
}

/** @returns four bytes of an IPv4 address (mapped ones included) or eight 16-bit groups of an IPv6 address */
function ipGroups(address: string): number[] {
  const text = address.split('%', 1)[0] ?? ''
  if (isIPv4(text)) return text.split('.').map(Number)
  if (!isIPv6(text)) throw new ForgeError('INTERNAL', `${JSON.stringify(address)} is not an IP address`)
  const groups = ipv6Groups(text)
  const mapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (!mapped) return groups
  const [high = 0, low = 0] = groups.slice(6)
  return [high >> 8, high & 0xff, low >> 8, low & 0xff]
}

/** The text has passed `isIPv6`: at most one `::`, a dotted quad only at the end. */
function ipv6Groups(text: string): number[] {
  const [left = '', right] = text.split('::')
  const head = groupsOf(left)
  if (right === undefined) return head
  const tail = groupsOf(right)
  return [...head, ...new Array<number>(8 - head.length - tail.length).fill(0), ...tail]
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}
