import { hexToBytes } from '@noble/hashes/utils.js'
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

export { hexToBytes }

const encoder = new TextEncoder()

export function utf8ToBytes(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text)
}

/** Letters of so many bytes at a time: arguments of one call. */
const HEX_BYTES = 4096

/** Two lower-case hexadecimal digits a byte, as one flat string: put together letter by letter it would stay a tree of them. */
export function bytesToHex(bytes: Uint8Array): HexDigest {
  if (bytes.length > HEX_BYTES)
    return bytesToHex(bytes.subarray(0, HEX_BYTES)) + bytesToHex(bytes.subarray(HEX_BYTES))
  const letters: number[] = []
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    letters.push(letterOf(byte >> 4), letterOf(byte & 0x0f))
  }
  return String.fromCharCode(...letters)
}

function letterOf(digit: number): number {
  return digit < 10 ? 0x30 + digit : 0x57 + digit
}

/** Whether the bytes of `a` from `atA` on and those of `b` from `atB` on are the same, so many of them. */
export function sameBytes(a: Uint8Array, atA: number, b: Uint8Array, atB: number, length: number): boolean {
  for (let at = 0; at < length; at++) if (a[atA + at] !== b[atB + at]) return false
  return true
}

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
