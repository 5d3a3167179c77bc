import { hash } from 'node:crypto'
import { sha256, sha256Each } from '../../../kernel/digest.ts'
import { type Leaves, leafSize } from '../../../kernel/leaves.ts'

/** From here on the processor's own SHA-256 makes up for the call into it. */
const NATIVE_BYTES = 65
/** And from here on it is faster than four messages side by side. */
const NATIVE_BYTES_OF_MANY = 512

/** SHA-256 as the hub needs it for every result. @returns 32 bytes */
export function fastSha256(bytes: Uint8Array): Uint8Array {
  if (bytes.length < NATIVE_BYTES) return sha256(bytes)
  // A string of 32 letters comes back in half the time of a buffer.
  const letters = hash('sha256', bytes, 'binary')
  const digest = new Uint8Array(32)
  for (let at = 0; at < 32; at++) digest[at] = letters.charCodeAt(at)
  return digest
}

/** SHA-256 of each leaf of a result. @returns 32 bytes a leaf, in order */
export function leafDigests(leaves: Leaves): Uint8Array {
  if (leafSize(leaves, 0) < NATIVE_BYTES_OF_MANY) return sha256Each(leaves)
  const digests = new Uint8Array(32 * leaves.length)
  for (let at = 0; at < leaves.length; at++) digests.set(fastSha256(leaves.at(at) as Uint8Array), 32 * at)
  return digests
}
