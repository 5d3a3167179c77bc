import { z } from 'zod'
import { fromBase64, toBase64 } from '../kernel/base64.ts'
import { bytesEqual } from '../kernel/digest.ts'
import { ForgeError } from '../kernel/errors.ts'
import { base64Key } from '../kernel/evidence/field-schemas.ts'
import { isStrictKey } from '../kernel/ledger/strict-ed25519.ts'
import { isSuccessionSigned } from '../kernel/succession.ts'
import { AGENT_LIMITS } from './limits.ts'
import { webVerifySignature } from './verify-signature.ts'

/** Keys of hubs that this agent has met, by the origins of their sites. */
export interface HubPins {
  /** @returns the key in base 64 */
  load(origin: string): Promise<string | undefined>
  keep(origin: string, key: string): Promise<void>
}

/**
 * Decides whose leases an agent executes. A hub's key counts when its site publishes it, for everybody to see, and is kept
 * from then on: another key of the same site is refused, whoever has taken its place, unless the known key itself has named
 * it as its heir.
 */
export interface HubTrust {
  /**
   * @param key 32 bytes, as the hub named it at enrolment
   * @throws ForgeError FORBIDDEN for a key that is not the one known, or not published; UNAVAILABLE when the site does not
   * answer
   */
  check(key: Uint8Array, signal: AbortSignal): Promise<void>
}

export interface HubTrustOptions {
  readonly pins: HubPins
  /** Takes the key that is published now in place of one kept from before. */
  readonly renew?: boolean
  readonly doFetch?: typeof fetch
}

/** 64 bytes in base 64. */
const base64Signature = z.string().regex(/^[A-Za-z0-9+/]{86}==$/)

/** Keys that sign now, and who was whose heir, as the site publishes them. More stands there than is read here. */
const published = z.object({
  hub_keys: z.array(z.object({ key: base64Key, until: z.string().nullable() })).max(1000),
  hub_successions: z
    .array(
      z.object({
        from: base64Key,
        to: base64Key,
        from_signature: base64Signature,
        to_signature: base64Signature,
      }),
    )
    .max(64)
    .default([]),
})
type Published = z.infer<typeof published>

export function hubTrust(
  origin: string,
  { pins, renew = false, doFetch = fetch }: HubTrustOptions,
): HubTrust {
  let known: string | undefined
  return {
    async check(key, signal) {
      const text = toBase64(key)
      known ??= renew ? undefined : await pins.load(origin)
      if (known === text) return
      if (!isStrictKey(key)) throw new ForgeError('FORBIDDEN', 'the key of the hub is none that signs')
      const { hub_keys, hub_successions } = await read(origin, doFetch, signal)
      if (known !== undefined && !(await isHeir(text, known, hub_successions)))
        throw new ForgeError('FORBIDDEN', `${origin} signs leases with another key than it had before`, {
          hint: 'If the site has announced a new key, start the agent with --trust-hub. Else somebody may stand in for it.',
        })
      if (!hub_keys.some((one) => one.until === null && bytesEqual(fromBase64(one.key), key)))
        throw new ForgeError('FORBIDDEN', `the hub signs leases with a key that ${origin} does not publish`)
      await pins.keep(origin, text)
      known = text
    },
  }
}

/** Keeps pins for as long as this process or tab lives. */
export function memoryPins(): HubPins {
  const keys = new Map<string, string>()
  return {
    load: async (origin) => keys.get(origin),
    async keep(origin, key) {
      keys.set(origin, key)
    },
  }
}

/** Whether the known key has handed over to this one, by itself or through its heirs. All in base 64. */
async function isHeir(
  key: string,
  known: string,
  successions: Published['hub_successions'],
): Promise<boolean> {
  const verifySignature = webVerifySignature()
  const reached = new Set([known])
  // The oldest come first, so each is looked at once.
  for (const { from, to, from_signature, to_signature } of successions) {
    if (!reached.has(from) || reached.has(to)) continue
    const signed = {
      from: fromBase64(from),
      to: fromBase64(to),
      from_signature: fromBase64(from_signature),
      to_signature: fromBase64(to_signature),
    }
    if (isStrictKey(signed.to) && (await isSuccessionSigned(signed, verifySignature))) reached.add(to)
  }
  return reached.has(key)
}

async function read(origin: string, doFetch: typeof fetch, signal: AbortSignal): Promise<Published> {
  const file = `${origin}/.well-known/forge-pool.json`
  const timeout = AbortSignal.any([signal, AbortSignal.timeout(AGENT_LIMITS.call_timeout_ms)])
  try {
    const response = await doFetch(file, { credentials: 'omit', redirect: 'error', signal: timeout })
    if (!response.ok) throw new Error(`${response.status}`)
    const text = await response.text()
    if (text.length > AGENT_LIMITS.well_known_chars) throw new Error('it is too long')
    return published.parse(JSON.parse(text))
  } catch (cause) {
    throw new ForgeError('UNAVAILABLE', `the keys of the hub could not be read from ${file}`, { cause })
  }
}
