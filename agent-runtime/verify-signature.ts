import { verifyAsync } from '@noble/ed25519'
import { ForgeError } from '../kernel/errors.ts'
import type { VerifySignature } from '../kernel/ledger/signed-note.ts'

const ALGORITHM = 'Ed25519'

/**
 * RFC 8032 by the platform's WebCrypto, or by @noble/ed25519 where it has no Ed25519.
 * @throws ForgeError UNAVAILABLE where the page may not use WebCrypto at all: plain HTTP from another machine
 */
export function webVerifySignature(): VerifySignature {
  if (globalThis.crypto?.subtle === undefined)
    throw new ForgeError('UNAVAILABLE', 'this page may not use cryptography', {
      hint: 'Open the site by https, or use the command: forge verify FILE.',
    })
  let isNative = true
  return async (publicKey, message, signature) => {
    if (isNative) {
      try {
        const key = await crypto.subtle.importKey('raw', new Uint8Array(publicKey), ALGORITHM, false, [
          'verify',
        ])
        return await crypto.subtle.verify(ALGORITHM, key, new Uint8Array(signature), new Uint8Array(message))
      } catch (error) {
        // NotSupportedError is the platform's word for an unknown algorithm; any other says that this is no key.
        if (!(error instanceof DOMException) || error.name !== 'NotSupportedError') return false
        isNative = false
      }
    }
    try {
      return await verifyAsync(signature, message, publicKey, { zip215: false })
    } catch {
      return false
    }
  }
}
