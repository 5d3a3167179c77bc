import { z } from 'zod'
import { fromBase64 } from '../base64.ts'
import { canonicalJson, type Json } from '../canonical.ts'
import { schemaError } from '../contract.ts'
import { bytesToHex } from '../digest.ts'
import type { Checkpoint } from '../ledger/checkpoint.ts'
import type { VerifySignature } from '../ledger/signed-note.ts'
import { LIMITS } from '../limits.ts'
import { merkleLeafHash } from '../merkle.ts'
import { verifyInclusion } from '../merkle-proof.ts'
import type { EvidenceBundle } from './bundle.ts'
import { fail } from './checklist.ts'
import {
  CORRECTION_PREDICATE,
  envelopeDigest,
  isSignedBy,
  openStatement,
  STATEMENT_TYPE,
  type Statement,
} from './envelope.ts'
import { hexDigest } from './field-schemas.ts'
import { leafBytes } from './leaf.ts'
import type { JobRecord } from './record.ts'

/**
 * The statement that shards of a record were found wrong after it was made: the record stays in the ledger as it is, and a
 * later entry says so. What the right result would have been it does not say: the contract is executed anew.
 */

/** Of one correction, so that its envelope stays as small as a record's; more wrong shards are several corrections. */
export const CORRECTION_SHARDS = 512

const index = z.int().min(0)

export const correctionSchema = z.strictObject({
  correction: z.literal(1),
  /** 16 random bytes in hexadecimal, as in a record. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  /** The record, by its entry and the digest of its envelope. */
  record: z.strictObject({
    index,
    envelope: hexDigest,
    job_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a job id is a lower-case UUID'),
  }),
  /** Digest of the normative kernel that executed the shards again: the record's. */
  kernel: hexDigest,
  /** Shards executed again, the right ones included. */
  checked: z.int().min(1).max(LIMITS.shards),
  /** [shard, digest in the record, digest of its execution], shards ascending. */
  wrong: z
    .array(z.tuple([index, hexDigest, hexDigest]))
    .min(1)
    .max(CORRECTION_SHARDS),
  /** RFC 3339, UTC, to the second. */
  corrected_at: z
    .string()
    .regex(/^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$/),
})
export type Correction = z.infer<typeof correctionSchema>

/** The statement about the record's envelope. */
export function correctionStatement(correction: Correction): Statement {
  return {
    _type: STATEMENT_TYPE,
    predicateType: CORRECTION_PREDICATE,
    subject: [{ name: 'record', digest: { sha256: correction.record.envelope } }],
    predicate: correction as unknown as Json,
  }
}

/** @throws ForgeError MESSAGE_INVALID */
export function parseCorrection(value: unknown): Correction {
  const parsed = correctionSchema.safeParse(value)
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'correction')
  return parsed.data
}

type ShownCorrection = NonNullable<EvidenceBundle['corrections']>[number]

/**
 * A correction as a file shows it: signed, about this record, and in the same ledger.
 * @param at index of the record
 * @param digests accepted digests, 32 bytes a shard; undefined when the file has none
 * @throws ForgeError with why it is none
 */
export async function checkCorrection(
  { envelope, key, index, hashes }: ShownCorrection,
  of: { readonly bundle: Pick<EvidenceBundle, 'envelope'>; readonly record: JobRecord; readonly at: number },
  checkpoint: Checkpoint,
  digests: Uint8Array | undefined,
  verify: VerifySignature,
): Promise<Correction> {
  if (!(await isSignedBy(envelope, fromBase64(key), verify))) fail('a correction is not signed by its key')
  const statement = openStatement(envelope)
  const correction = parseCorrection(statement.predicate)
  if (
    canonicalJson(correctionStatement(correction) as unknown as Json) !==
    canonicalJson(statement as unknown as Json)
  )
    fail('the statement of a correction is not about its record')
  const { record, bundle, at } = of
  if (
    correction.record.index !== at ||
    correction.record.envelope !== envelopeDigest(bundle.envelope) ||
    correction.record.job_id !== record.job_id ||
    correction.kernel !== record.kernel
  )
    fail('a correction is of another record')
  let next = 0
  for (const [shard, recorded, executed] of correction.wrong) {
    if (shard < next || shard >= record.shards.accepted)
      fail('a correction names a shard that there is not, or out of order')
    if (recorded === executed) fail(`a correction says of shard ${shard} that it is right`)
    if (digests !== undefined && bytesToHex(digests.subarray(32 * shard, 32 * shard + 32)) !== recorded)
      fail(`a correction says of shard ${shard} another digest than the record has`)
    next = shard + 1
  }
  if (correction.checked < correction.wrong.length) fail('a correction names more shards than were executed')
  const leaf = leafBytes({ leaf: 1, kind: 'correction', of: at, envelope: envelopeDigest(envelope) })
  if (
    index <= at ||
    !verifyInclusion(merkleLeafHash(leaf), index, checkpoint.size, hashes.map(fromBase64), checkpoint.root)
  )
    fail('a correction is not in the ledger')
  return correction
}
