import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { type Sodium, sodium } from '../../sodium.ts'

/** Whether a signature over the bytes is this raw key's of 32 bytes (Ed25519, RFC 8032). On the calling thread. */
export type FitsKey = (publicKey: Uint8Array, bytes: Uint8Array, signature: Uint8Array) => boolean

/** Keys that Node's verifier keeps ready: to read one takes a fifth of a signature's time. */
const KEYS_KEPT = 4096

const keys = new Map<string, KeyObject>()

/** Node's own, by OpenSSL. */
export const nodeFitsKey: FitsKey = (publicKey, bytes, signature) => {
  const name = Buffer.from(publicKey).toString('base64url')
  let key = keys.get(name)
  if (key === undefined) {
    key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: name }, format: 'jwk' })
    const [oldest] = keys.keys()
    if (oldest !== undefined && keys.size >= KEYS_KEPT) keys.delete(oldest)
    keys.set(name, key)
  }
  return verify(null, bytes, key, signature)
}

/**
 * libsodium's, which takes less than half of the processor's time; undefined where its binary does not load. It refuses some
 * signatures that no honest signer makes and that Node's takes; it takes none that Node's refuses. It reads no shared memory.
 */
export const sodiumFitsKey: FitsKey | undefined = sodium && fitsKeyOf(sodium)

function fitsKeyOf({ crypto_sign_verify_detached }: Sodium): FitsKey {
  return (publicKey, bytes, signature) => crypto_sign_verify_detached(signature, bytes, publicKey)
}

/** The faster one of those that are there. */
export const fitsKey: FitsKey = sodiumFitsKey ?? nodeFitsKey
