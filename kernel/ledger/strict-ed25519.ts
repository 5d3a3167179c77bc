import { bytesToHex } from '../digest.ts'
import type { VerifySignature } from './signed-note.ts'

/**
 * Ed25519 of RFC 8032 as all verifiers have to agree on it. Libraries differ in what they let pass of keys and signatures
 * that no honest signer makes; here those are refused before a library sees them. Under a key of small order one signature
 * is valid for any message.
 */

/** 2^255 - 19, most significant byte first. */
const FIELD = `7${'f'.repeat(61)}ed`
/** Order of the base point, most significant byte first. */
const ORDER = '1000000000000000000000000000000014def9dea2f79cd65812631a5cf5d3ed'
/** The y of the eight points whose order divides 8, most significant byte first. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  '0'.repeat(64),
  '1'.padStart(64, '0'),
  `7${'f'.repeat(61)}ec`,
  '05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826',
  '7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7',
])

/** Little-endian bytes as a hexadecimal number of a fixed length, so that texts compare as numbers do. */
function numeral(bytes: Uint8Array): string {
  return bytesToHex(Uint8Array.from(bytes).reverse())
}

/** Whether 32 bytes may be a key: y below the field's prime, and no point of small order. */
export function isStrictKey(publicKey: Uint8Array): boolean {
  if (publicKey.length !== 32) return false
  const bytes = Uint8Array.from(publicKey)
  bytes[31] = (bytes[31] as number) & 0x7f
  const y = numeral(bytes)
  return y < FIELD && !SMALL_ORDER.has(y)
}

/** Refuses keys that `isStrictKey` refuses, other lengths, and S at or above the group's order. */
export function strictly(verify: VerifySignature): VerifySignature {
  return (publicKey, message, signature) =>
    isStrictKey(publicKey) && signature.length === 64 && numeral(signature.subarray(32)) < ORDER
      ? verify(publicKey, message, signature)
      : false
}
