import { createPublicKey, verify } from 'node:crypto'
import type { VerifySignature } from '../kernel/ledger/signed-note.ts'

/** RFC 8032, by Node's own cryptography. */
export const verifySignature: VerifySignature = (publicKey, message, signature) => {
  try {
    const x = Buffer.from(publicKey).toString('base64url')
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    return verify(null, message, key, signature)
  } catch {
    // Bytes that are no point of the curve are no key, and nothing is signed by it.
    return false
  }
}
