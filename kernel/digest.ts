import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'

/** SHA-256 as 64 lower-case hexadecimal digits: the form in which digests stand in JSON. */
export type HexDigest = string

/** @returns 32 bytes, FIPS 180-4. */
export function sha256(bytes: Uint8Array): Uint8Array {
  return nobleSha256(bytes)
}

export function sha256Hex(data: Uint8Array | string): HexDigest {
  return bytesToHex(nobleSha256(typeof data === 'string' ? utf8ToBytes(data) : data))
}

export { bytesToHex, hexToBytes, utf8ToBytes }

export function bytesEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
