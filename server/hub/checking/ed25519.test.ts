import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type FitsKey, nodeFitsKey, sodiumFitsKey } from './ed25519.ts'

/** Order of the base point's group, RFC 8032 section 5.1. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n

interface Signer {
  readonly publicKey: Uint8Array
  sign(bytes: Uint8Array): Uint8Array
}

function signer(): Signer {
  const { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject } =
    generateKeyPairSync('ed25519')
  const { x = '' } = publicKey.export({ format: 'jwk' })
  return {
    publicKey: new Uint8Array(Buffer.from(x, 'base64url')),
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
  }
}

/** The same signature with its scalar one group order larger. */
function withLargerScalar(signature: Uint8Array): Uint8Array {
  const wrong = signature.slice()
  let scalar = 0n
  for (let at = 63; at >= 32; at--) scalar = (scalar << 8n) | BigInt(signature[at] ?? 0)
  scalar += L
  for (let at = 32; at < 64; at++, scalar >>= 8n) wrong[at] = Number(scalar & 0xffn)
  return wrong
}

const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice()
  const at = (bit >> 3) % bytes.length
  copy[at] = (copy[at] ?? 0) ^ (1 << (bit & 7))
  return copy
}

// RFC 8032 section 7.1, tests 1 and 2.
const VECTORS: readonly (readonly [string, string, string])[] = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
]
const bytesOf = (hex: string) => new Uint8Array(Buffer.from(hex, 'hex'))

const kinds: readonly (readonly [string, FitsKey | undefined])[] = [
  ['Node’s', nodeFitsKey],
  ['libsodium’s', sodiumFitsKey],
]

describe.each(kinds)('%s verifier', (name, fits) => {
  it.skipIf(fits === undefined)(
    fits === undefined ? `${name} binary does not load here` : 'takes what RFC 8032 gives as examples',
    () => {
      for (const [key, message, signature] of VECTORS)
        expect(fits?.(bytesOf(key), bytesOf(message), bytesOf(signature))).toBe(true)
    },
  )

  it.skipIf(fits === undefined)('refuses any changed bit, and a scalar that is not reduced', () => {
    const { publicKey, sign: signed } = signer()
    const bytes = new Uint8Array(Buffer.from('a receipt'))
    const signature = signed(bytes)
    expect(fits?.(publicKey, bytes, signature)).toBe(true)
    expect(fits?.(publicKey, bytes, withLargerScalar(signature))).toBe(false)
    for (let bit = 0; bit < 512; bit += 7)
      expect(fits?.(publicKey, bytes, flipped(signature, bit))).toBe(false)
    for (let bit = 0; bit < 72; bit++) expect(fits?.(publicKey, flipped(bytes, bit), signature)).toBe(false)
  })
})

describe.skipIf(sodiumFitsKey === undefined)('both verifiers', () => {
  it('say the same of right and of damaged signatures', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 600 }),
        fc.option(fc.nat(511), { nil: undefined }),
        (bytes, bit) => {
          const { publicKey, sign: signed } = signer()
          const signature = bit === undefined ? signed(bytes) : flipped(signed(bytes), bit)
          const said = nodeFitsKey(publicKey, bytes, signature)
          expect(said).toBe(bit === undefined)
          expect(sodiumFitsKey?.(publicKey, bytes, signature)).toBe(said)
        },
      ),
      { numRuns: 300 },
    )
  })
})
