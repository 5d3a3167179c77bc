import { describe, expect, it } from 'vitest'
import { toBase64 } from '../kernel/base64.ts'
import { type Key, makeKey } from '../kernel/evidence/sample.test-support.ts'
import { successionBytes } from '../kernel/succession.ts'
import { hubTrust, memoryPins } from './hub-trust.ts'

const ORIGIN = 'https://pool.example'
const { signal } = new AbortController()
const [first, second] = [makeKey().publicKey, makeKey().publicKey]

/** A site that publishes these keys, and counts how often it is asked. */
function site(...keys: readonly { readonly key: Uint8Array; readonly until?: string }[]) {
  const asked: string[] = []
  const doFetch: typeof fetch = async (url) => {
    asked.push(String(url))
    const hub_keys = keys.map(({ key, until = null }) => ({ key: toBase64(key), from: 'x', until }))
    return Response.json({ forge_pool: 1, hub_keys })
  }
  return { doFetch, asked }
}

describe("trust in a hub's key", () => {
  it('takes the published key at first use, and asks no more', async () => {
    const { doFetch, asked } = site({ key: first })
    const pins = memoryPins()
    await hubTrust(ORIGIN, { pins, doFetch }).check(first, signal)
    await hubTrust(ORIGIN, { pins, doFetch }).check(first, signal)
    expect(asked).toEqual([`${ORIGIN}/.well-known/forge-pool.json`])
    expect(await pins.load('https://other.example')).toBeUndefined()
  })

  it('refuses a key that the site does not publish, or publishes as retired', async () => {
    for (const { doFetch } of [
      site({ key: second }),
      site({ key: first, until: '2026-11-26T00:00:00.000Z' }),
    ])
      await expect(
        hubTrust(ORIGIN, { pins: memoryPins(), doFetch }).check(first, signal),
      ).rejects.toMatchObject({
        code: 'FORBIDDEN',
        message: expect.stringContaining('does not publish'),
      })
  })

  it('refuses another key than the one it knows, published or not, until its owner says so', async () => {
    const pins = memoryPins()
    await pins.keep(ORIGIN, toBase64(first))
    const { doFetch, asked } = site({ key: second })
    await expect(hubTrust(ORIGIN, { pins, doFetch }).check(second, signal)).rejects.toMatchObject({
      code: 'FORBIDDEN',
      hint: expect.stringContaining('--trust-hub'),
    })
    expect(asked).toHaveLength(1)
    await hubTrust(ORIGIN, { pins, doFetch, renew: true }).check(second, signal)
    expect(await pins.load(ORIGIN)).toBe(toBase64(second))
  })

  it('follows the key that it knows to its heirs, and nobody who only claims to be one', async () => {
    const [a, b, c] = [makeKey(), makeKey(), makeKey()]
    const hand = async (from: Key, to: Key, signer = from) => {
      const bytes = successionBytes({ from: from.publicKey, to: to.publicKey })
      return {
        from: toBase64(from.publicKey),
        to: toBase64(to.publicKey),
        from_signature: toBase64(await signer.sign(bytes)),
        to_signature: toBase64(await to.sign(bytes)),
      }
    }
    const check = async (...hub_successions: Awaited<ReturnType<typeof hand>>[]) => {
      const pins = memoryPins()
      await pins.keep(ORIGIN, toBase64(a.publicKey))
      const hub_keys = [{ key: toBase64(c.publicKey), until: null }]
      const doFetch = async () => Response.json({ hub_keys, hub_successions })
      await hubTrust(ORIGIN, { pins, doFetch }).check(c.publicKey, signal)
      return pins.load(ORIGIN)
    }
    expect(await check(await hand(a, b), await hand(b, c))).toBe(toBase64(c.publicKey))
    expect(await check(await hand(a, c))).toBe(toBase64(c.publicKey))
    await expect(check(await hand(a, b))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(check(await hand(b, c))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(check(await hand(a, c, c))).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })

  it('says so when the site does not answer, or with something else', async () => {
    for (const answer of [new Response('no', { status: 500 }), Response.json({ hub_keys: [{ key: 'x' }] })])
      await expect(
        hubTrust(ORIGIN, { pins: memoryPins(), doFetch: async () => answer }).check(first, signal),
      ).rejects.toMatchObject({ code: 'UNAVAILABLE', retryable: true })
  })

  it('takes no key of small order', async () => {
    const identity = new Uint8Array(32)
    identity[0] = 1
    const { doFetch } = site({ key: identity })
    await expect(
      hubTrust(ORIGIN, { pins: memoryPins(), doFetch }).check(identity, signal),
    ).rejects.toMatchObject({ code: 'FORBIDDEN' })
  })
})
