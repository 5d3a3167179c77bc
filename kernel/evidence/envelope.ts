import { z } from 'zod'
import { fromBase64, toBase64 } from '../base64.ts'
import { canonicalJson, type Json, parseJsonStrict } from '../canonical.ts'
import { schemaError } from '../contract.ts'
import { bytesToHex, type HexDigest, sha256, sha256Hex, utf8ToBytes } from '../digest.ts'
import { ForgeError } from '../errors.ts'
import type { Sign, VerifySignature } from '../ledger/signed-note.ts'
import { base64Signature, base64Text, hexDigest } from './field-schemas.ts'

/**
 * A record signed by the hub: a DSSE envelope, version 1 (https://github.com/secure-systems-lab/dsse), whose payload is the
 * canonical form of an in-toto Statement v1 with the record as its predicate.
 */

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
export const STATEMENT_TYPE = 'https://in-toto.io/Statement/v1'
export const RECORD_PREDICATE = 'urn:forge-pool:predicate:job-record:v1'
export const CORRECTION_PREDICATE = 'urn:forge-pool:predicate:correction:v1'
/** An entry of the ledger holds a digest only, so this bounds the record, not the log. */
export const ENVELOPE_BYTES = 128 * 1024

export const envelopeSchema = z.strictObject({
  payload: base64Text(ENVELOPE_BYTES),
  payloadType: z.literal(PAYLOAD_TYPE),
  signatures: z
    .array(
      z.strictObject({
        /** SHA-256 of the hub's public key. A hint, as DSSE says: it is the signature that counts. */
        keyid: hexDigest,
        sig: base64Signature,
      }),
    )
    .min(1)
    .max(4),
})
export type Envelope = z.infer<typeof envelopeSchema>

const statementSchema = z.strictObject({
  _type: z.literal(STATEMENT_TYPE),
  predicateType: z.enum([RECORD_PREDICATE, CORRECTION_PREDICATE]),
  subject: z
    .array(
      z.strictObject({ name: z.string().min(1).max(128), digest: z.strictObject({ sha256: hexDigest }) }),
    )
    .min(1)
    .max(65),
  predicate: z.custom<Json>((value) => typeof value === 'object' && value !== null),
})
export type Statement = z.infer<typeof statementSchema>

/** Pre-authentication encoding: what is signed. */
export function preAuthenticationEncoding(type: string, payload: Uint8Array): Uint8Array {
  const head = utf8ToBytes(`DSSEv1 ${utf8ToBytes(type).length} ${type} ${payload.length} `)
  const bytes = new Uint8Array(head.length + payload.length)
  bytes.set(head)
  bytes.set(payload, head.length)
  return bytes
}

/** The hub's key for records. */
export interface RecordKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array
  readonly sign: Sign
}

export function keyIdOf(publicKey: Uint8Array): HexDigest {
  return bytesToHex(sha256(publicKey))
}

export async function sealStatement(statement: Statement, key: RecordKey): Promise<Envelope> {
  const payload = utf8ToBytes(canonicalJson(statement as unknown as Json))
  const signature = await key.sign(preAuthenticationEncoding(PAYLOAD_TYPE, payload))
  return {
    payload: toBase64(payload),
    payloadType: PAYLOAD_TYPE,
    signatures: [{ keyid: keyIdOf(key.publicKey), sig: toBase64(signature) }],
  }
}

/** What the ledger commits to. */
export function envelopeDigest(envelope: Envelope): HexDigest {
  return sha256Hex(canonicalJson(envelope as unknown as Json))
}

export async function isSignedBy(
  envelope: Envelope,
  publicKey: Uint8Array,
  verify: VerifySignature,
): Promise<boolean> {
  const message = preAuthenticationEncoding(envelope.payloadType, fromBase64(envelope.payload))
  const keyid = keyIdOf(publicKey)
  for (const { keyid: named, sig } of envelope.signatures)
    if (named === keyid) return verify(publicKey, message, fromBase64(sig))
  return false
}

/** The statement inside. @throws ForgeError MESSAGE_INVALID, also when its text is not canonical; JSON_INVALID, JSON_DUPLICATE_KEY */
export function openStatement(envelope: Envelope): Statement {
  const text = decodeUtf8(fromBase64(envelope.payload), 'the payload')
  const value = parseJsonStrict(text, ENVELOPE_BYTES)
  if (canonicalJson(value) !== text)
    throw new ForgeError('MESSAGE_INVALID', 'the payload is not in canonical form')
  const parsed = statementSchema.safeParse(value)
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'statement')
  return parsed.data
}

/** A byte order mark stays in the text, where JSON refuses it. @throws ForgeError MESSAGE_INVALID */
export function decodeUtf8(bytes: Uint8Array, what: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new ForgeError('MESSAGE_INVALID', `${what} is not UTF-8`, { cause })
  }
}
