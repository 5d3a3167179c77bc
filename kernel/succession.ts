import { canonicalJson } from './canonical.ts'
import { bytesToHex, utf8ToBytes } from './digest.ts'
import type { VerifySignature } from './ledger/signed-note.ts'

/**
 * An agent's key hands over to another one. Both sign the same statement: the old key, so that nobody else can take its
 * name; the new one, so that nobody can be made the heir of a key against his will, of its quarantine for example.
 */
export interface Succession {
  /** The old key, 32 bytes. */
  readonly from: Uint8Array
  readonly to: Uint8Array
}

export interface SignedSuccession extends Succession {
  /** 64 bytes, by the old key. */
  readonly from_signature: Uint8Array
  readonly to_signature: Uint8Array
}

/** The signed bytes: a domain line, then the canonical form. Ed25519, RFC 8032. */
export function successionBytes({ from, to }: Succession): Uint8Array {
  return utf8ToBytes(
    `forge/succession/1\n${canonicalJson({ from: bytesToHex(from), succession: 1, to: bytesToHex(to) })}`,
  )
}

export async function isSuccessionSigned(
  { from, to, from_signature, to_signature }: SignedSuccession,
  verify: VerifySignature,
): Promise<boolean> {
  const bytes = successionBytes({ from, to })
  return (await verify(from, bytes, from_signature)) && (await verify(to, bytes, to_signature))
}
