import { z } from 'zod'
import { canonicalJson } from './canonical.ts'
import { utf8ToBytes } from './digest.ts'

/** What an agent's key signs so that its work becomes an account's: a challenge that was made for this account alone. */
export const claimChallenge = z.strictObject({
  /** 32 random bytes in base64url, good for one claim. */
  nonce: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
  /** The account's owner id. */
  owner: z.string().min(1).max(64),
})
export type ClaimChallenge = z.infer<typeof claimChallenge>

/** The signed bytes: a domain line, then the canonical form. Ed25519, RFC 8032. */
export function claimBytes({ nonce, owner }: ClaimChallenge): Uint8Array {
  return utf8ToBytes(`forge/claim/1\n${canonicalJson({ nonce, owner })}`)
}

/** A challenge answered: what `devices.claim` takes. */
export const claimProof = z.strictObject({
  /** Ed25519 public key, 64 hexadecimal digits. */
  public_key: z.string().regex(/^[0-9a-f]{64}$/),
  nonce: claimChallenge.shape.nonce,
  /** Over `claimBytes`, 128 hexadecimal digits. */
  signature: z.string().regex(/^[0-9a-f]{128}$/),
})
export type ClaimProof = z.infer<typeof claimProof>
