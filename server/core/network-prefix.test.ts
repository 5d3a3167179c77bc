import { EventEmitter } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HostCap } from './host-cap.ts'
import { hostKey, knownNetwork, networkPrefix } from './network-prefix.ts'

describe('the network of an address', () => {
  it.each([
    ['203.0.113.9', '203.0.113.0/24'],
    ['127.0.0.1', '127.0.0.0/24'],
    ['::ffff:203.0.113.9', '203.0.113.0/24'],
    ['::ffff:cb00:7109', '203.0.113.0/24'],
    ['0:0:0:0:0:FFFF:203.0.113.9', '203.0.113.0/24'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1::/48'],
    ['2001:DB8:1::', '2001:db8:1::/48'],
    ['2001:db8::1', '2001:db8::/48'],
    ['2001:0:5::1', '2001:0:5::/48'],
    ['::1', '::/48'],
    ['fe80::1%eth0', 'fe80::/48'],
    ['64:ff9b::203.0.113.9', '64:ff9b::/48'],
  ])('%s is in %s', (address, prefix) => {
    expect(networkPrefix(address)).toBe(prefix)
  })

  it('is known where the address is public', () => {
    for (const [address, network] of [
      ['203.0.113.9', '203.0.113.0/24'],
      ['::ffff:203.0.113.9', '203.0.113.0/24'],
      ['100.63.0.1', '100.63.0.0/24'],
      ['172.32.0.1', '172.32.0.0/24'],
      ['2001:db8:1:2::3', '2001:db8:1::/48'],
    ] as const)
      expect(knownNetwork(address), address).toBe(network)
    for (const address of [
      ...['127.0.0.2', '::ffff:127.0.0.1', '10.1.2.3', '172.16.0.1', '172.31.255.1', '192.168.1.1'],
      ...['100.64.0.1', '100.127.1.1', '169.254.1.1', '0.0.0.0', '::1', 'fd00::1', 'fe80::1%eth0'],
    ])
      expect(knownNetwork(address), address).toBeUndefined()
  })

  it('refuses what is not an address', () => {
    for (const text of ['', 'localhost', '1.2.3', '1.2.3.4.5', ':::', '2001:db8', '/tmp/socket']) {
      expect(() => networkPrefix(text), text).toThrow(expect.objectContaining({ code: 'INTERNAL' }))
    }
  })

  it('is one for all addresses that share 24 or 48 bits, and only for them', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.nat(255), (address, last) => {
        const head = address.split('.').slice(0, 3).join('.')
        expect(networkPrefix(`${head}.${last}`)).toBe(networkPrefix(address))
        expect(networkPrefix(`::ffff:${address}`)).toBe(networkPrefix(address))
      }),
    )
    const group = fc.nat(0xffff).map((value) => value.toString(16))
    const groups = fc.array(group, { minLength: 8, maxLength: 8 })
    fc.assert(
      fc.property(groups, groups, (a, b) => {
        fc.pre(a.slice(0, 3).join() !== b.slice(0, 3).join() && !a.join(':').startsWith('0:0:0'))
        expect(networkPrefix([...a.slice(0, 3), ...b.slice(3)].join(':'))).toBe(networkPrefix(a.join(':')))
        expect(networkPrefix(a.join(':'))).not.toBe(networkPrefix(b.join(':')))
      }),
    )
  })
})

describe('places of a host', () => {
  it('are counted by address, for IPv6 by /64, and given back once', () => {
    expect(hostKey('2001:db8:1:2:3:4:5:6')).toBe(hostKey('2001:db8:1:2::1'))
    const cap = new HostCap(2)
    const first = cap.enter('2001:db8:1:2::1')
    expect(first).toBeDefined()
    expect(cap.enter('2001:db8:1:2::2')).toBeDefined()
    expect(cap.enter('2001:db8:1:2:ffff::3')).toBeUndefined()
    expect(cap.enter('2001:db8:1:3::1')).toBeDefined()
    first?.()
    first?.()
    expect(cap.enter('2001:db8:1:2::4')).toBeDefined()
    expect(cap.enter('2001:db8:1:2::5')).toBeUndefined()
  })

  it('are held as long as a socket is open', () => {
    const cap = new HostCap(2)
    const sockets = [new EventEmitter(), new EventEmitter()]
    expect(sockets.map((socket) => cap.hold(socket, '192.0.2.1'))).toEqual([true, true])
    const refused = new EventEmitter()
    expect(cap.hold(refused, '192.0.2.1')).toBe(false)
    expect(cap.hold(new EventEmitter(), '192.0.2.2')).toBe(true)
    refused.emit('close')
    expect(cap.enter('192.0.2.1')).toBeUndefined()
    sockets[0]?.emit('close')
    expect(cap.hold(new EventEmitter(), '192.0.2.1')).toBe(true)
    expect(cap.enter('192.0.2.1')).toBeUndefined()
  })
})
