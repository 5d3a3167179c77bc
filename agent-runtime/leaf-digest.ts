import { sha256 } from '../kernel/digest.ts'

/** From here on the platform's SHA-256, by instructions of the processor's own, makes up for the call into it. */
const PLATFORM_BYTES = 16 * 1024

/** SHA-256 of a leaf: the same 32 bytes from the kernel or, for large leaves where the host has it, from WebCrypto. */
export async function leafDigest(leaf: Uint8Array): Promise<Uint8Array> {
  // Pages without a secure context have no WebCrypto.
  const subtle = leaf.length < PLATFORM_BYTES ? undefined : globalThis.crypto?.subtle
  if (subtle === undefined || !isOwnMemory(leaf)) return sha256(leaf)
  return new Uint8Array(await subtle.digest('SHA-256', leaf))
}

const isOwnMemory = (bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> =>
  bytes.buffer instanceof ArrayBuffer
