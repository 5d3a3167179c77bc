import { describe, expect, it } from 'vitest'
import { makeKey, verifySignature } from '../evidence/sample.test-support.ts'
import { isStrictKey, strictly } from './strict-ed25519.ts'

const message = new TextEncoder().encode('anything')
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

describe('strict Ed25519', () => {
  it('refuses a key of small order, for which a library accepts one signature for every message', () => {
    const identity = new Uint8Array(32)
    identity[0] = 1
    const signature = new Uint8Array(64)
    signature[0] = 1
    expect(verifySignature(identity, message, signature)).toBe(true)
    expect(strictly(verifySignature)(identity, message, signature)).toBe(false)
  })

  it.each([
    ['zero', '00'.repeat(32)],
    ['zero with a sign', `${'00'.repeat(31)}80`],
    ['order 8', '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'],
    ['order 8, negative', 'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa'],
    ['minus one', `ec${'ff'.repeat(30)}7f`],
    ['the prime itself', `ed${'ff'.repeat(30)}7f`],
    ['one above the prime', `ee${'ff'.repeat(30)}7f`],
    ['a short one', '02'],
  ])('takes no key of y %s', (_, hex) => {
    expect(isStrictKey(new Uint8Array(Buffer.from(hex, 'hex')))).toBe(false)
  })

  it('takes honest keys and signatures, and no S that is not reduced', () => {
    const key = makeKey()
    const signature = key.sign(message)
    expect(isStrictKey(key.publicKey)).toBe(true)
    expect(strictly(verifySignature)(key.publicKey, message, signature)).toBe(true)
    const s = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + ORDER
    const malleable = Uint8Array.from(signature)
    malleable.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(), 32)
    expect(strictly(verifySignature)(key.publicKey, message, malleable)).toBe(false)
    expect(strictly(() => true)(key.publicKey, message, malleable)).toBe(false)
  })
})
