import { z } from 'zod'
import { parseJsonStrict } from '../canonical.ts'
import { schemaError } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import { envelopeSchema } from './envelope.ts'
import { base64Key, base64Signature, base64Text, hexDigest } from './field-schemas.ts'

/**
 * The evidence file, `.forge`: one JSON object. Texts whose digest counts stand in it as strings, byte for byte, so that
 * nobody has to guess how they were written.
 */

/** Shards in one string of `digests`: the last one may have fewer. */
export const DIGEST_ROW = 4096
/** Characters of a full row in base 64. */
export const ROW_CHARS = 4 * Math.ceil((32 * DIGEST_ROW) / 3)
/** Rows of the largest job. */
export const DIGEST_ROWS = LIMITS.shards / DIGEST_ROW
/** Below the longest string that engines hold. */
export const BUNDLE_BYTES = 500 * 1024 * 1024
/** Of one job; each is a lease, and its signature costs a verifier tens of microseconds. */
const RECEIPTS = 4 * 1024 * 1024

/** Of one record. */
const CORRECTIONS = 1024

const text = z.string().min(1)

const receiptsSchema = z
  .array(
    z.strictObject({
      /** Canonical form of the receipt. */
      receipt: text,
      key: base64Key,
      signature: base64Signature,
      /** Where this agent's digest is not the accepted one: [shard, its digest], shards ascending. */
      differs: z
        .array(z.tuple([z.int().min(0), hexDigest]))
        .min(1)
        .max(LIMITS.lease_shards)
        .optional(),
    }),
  )
  .max(RECEIPTS)

export const bundleSchema = z.strictObject({
  forge: z.literal(1),
  /** Canonical contract without `ctx`. */
  contract: text,
  /** Canonical form of what the replay key is the digest of. */
  replay_key_material: text,
  envelope: envelopeSchema,
  /** Canonical result. */
  result: text,
  /** Canonical trace. */
  trace: text,
  receipts: receiptsSchema,
  /** Accepted digests in the order of shards, 4,096 of them a string; left out when the asker wanted none. */
  digests: z.array(base64Text(ROW_CHARS)).max(DIGEST_ROWS).optional(),
  log: z.strictObject({
    /** c2sp.org/tlog-proof@v1 */
    proof: text,
    /** Proof that the log grew from an older size, RFC 6962: hashes in base 64. */
    consistency: z.strictObject({ old: z.int().min(0), hashes: z.array(base64Key).max(63) }).optional(),
  }),
  /** What has been found wrong of the record since: entries of the same ledger, under the same checkpoint. */
  corrections: z
    .array(
      z.strictObject({
        envelope: envelopeSchema,
        /** The hub's key of that time. */
        key: base64Key,
        index: z.int().min(0),
        /** From the entry's sibling up. */
        hashes: z.array(base64Key).max(63),
      }),
    )
    .min(1)
    .max(CORRECTIONS)
    .optional(),
  /** Whose signatures these are, as the site says; a verifier should bring his own. */
  keys: z.strictObject({
    hub: base64Key,
    log: text.max(512),
    witnesses: z.array(text.max(512)).max(64),
  }),
})
export type EvidenceBundle = z.infer<typeof bundleSchema>

/** @throws ForgeError JSON_INVALID | JSON_DUPLICATE_KEY | TOO_LARGE | MESSAGE_INVALID */
export function parseBundle(file: string): EvidenceBundle {
  const parsed = bundleSchema.safeParse(parseJsonStrict(file, BUNDLE_BYTES))
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID')
  return parsed.data
}

/** The receipts of a job as they are kept beside its record. @throws ForgeError as `parseBundle` does */
export function bundleReceipts(text: string): EvidenceBundle['receipts'] {
  const parsed = receiptsSchema.safeParse(parseJsonStrict(text, BUNDLE_BYTES))
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'receipts')
  return parsed.data
}
