import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeKey } from '../kernel/evidence/sample.test-support.ts'
import { webVerifySignature } from './verify-signature.ts'

const key = makeKey()
const message = Uint8Array.of(1, 2, 3)
const signature = key.sign(message)
const changed = Uint8Array.from(signature, (byte, at) => (at === 5 ? byte ^ 1 : byte))

afterEach(() => vi.restoreAllMocks())

describe('signatures in a browser', () => {
  const judge = async () => {
    const verify = webVerifySignature()
    expect(await verify(key.publicKey, message, signature)).toBe(true)
    expect(await verify(key.publicKey, message, changed)).toBe(false)
    expect(await verify(key.publicKey, Uint8Array.of(1, 2), signature)).toBe(false)
    expect(await verify(key.publicKey.subarray(1), message, signature)).toBe(false)
    expect(await verify(makeKey().publicKey, message, signature)).toBe(false)
  }

  it('are verified by the platform', judge)

  it('are verified alike where the platform has no Ed25519', async () => {
    vi.spyOn(crypto.subtle, 'importKey').mockRejectedValue(new DOMException('no', 'NotSupportedError'))
    await judge()
  })
})
