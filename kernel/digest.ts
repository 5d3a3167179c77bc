import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { invariant } from './errors.ts'
import { hashing } from './hashing/fastest.ts'
import type { Leaves } from './leaves.ts'

/** SHA-256 as 64 lower-case hexadecimal digits: the form in which digests stand in JSON. */
export type HexDigest = string

/** @returns 32 bytes, FIPS 180-4. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return hashing().digest(bytes)
}

export function sha256Hex(data: Uint8Array | string): HexDigest {
  return bytesToHex(hashing().digest(typeof data === 'string' ? utf8ToBytes(data) : data))
}

/**
 * SHA-256 of messages of one length that lie one after the other: several times as fast as one by one where the messages
 * are short.
 * @param length bytes of each, at least 1
 * @returns 32 bytes a message, in order
 * @throws ForgeError INTERNAL for a part of a message
 */
export function sha256Many(packed: Uint8Array, length: number): Uint8Array {
  invariant(length >= 1 && packed.length % length === 0, `${packed.length} bytes are no row of messages`)
  return hashing().many(packed, length)
}

/** SHA-256 of messages of any lengths, fastest where many have about the same. @returns 32 bytes a message, in order */
export function sha256Each(messages: Leaves): Uint8Array {
  return hashing().each(messages)
}

export { bytesToHex, hexToBytes, utf8ToBytes }

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
