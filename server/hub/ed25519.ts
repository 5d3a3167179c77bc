import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { createRequire } from 'node:module'

/** Whether a signature over the bytes is this key's (Ed25519, RFC 8032). */
export type FitsKey = (bytes: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>

/** A verifier for a raw public key of 32 bytes. */
export type Ed25519 = (publicKey: Uint8Array) => FitsKey

/** What is used of libsodium. */
interface Sodium {
  crypto_sign_verify_detached(signature: Uint8Array, bytes: Uint8Array, publicKey: Uint8Array): boolean
}

/** Node's own, in its thread pool: on the calling thread it would take longer than everything else that a lease costs. */
export const nodeEd25519: Ed25519 = (publicKey) => {
  let key: KeyObject | undefined
  return (bytes, signature) =>
    new Promise((resolve, reject) => {
      // Made when it is needed first: many agents never have anything to sign.
      key ??= createPublicKey({
        key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') },
        format: 'jwk',
      })
      verify(null, bytes, key, signature, (error, fits) => (error === null ? resolve(fits) : reject(error)))
    })
}

/**
 * libsodium's, which takes less than half of the processor's time and answers at once; undefined where its binary does not
 * load. It refuses some signatures that no honest signer makes and that Node's takes; it takes none that Node's refuses.
 */
export const sodiumEd25519: Ed25519 | undefined = loadSodium()

function loadSodium(): Ed25519 | undefined {
  try {
    const sodium: Sodium = createRequire(import.meta.url)('sodium-native')
    return (publicKey) => (bytes, signature) =>
      sodium.crypto_sign_verify_detached(signature, bytes, publicKey)
  } catch {
    return undefined
  }
}

/** The faster one of those that are there. */
export const ed25519: Ed25519 = sodiumEd25519 ?? nodeEd25519
