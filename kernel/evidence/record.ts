import { z } from 'zod'
import { byMethod } from '../acceptance.ts'
import type { Json } from '../canonical.ts'
import { dtypeSchema, schemaError, verifySchema } from '../contract.ts'
import { LIMITS } from '../limits.ts'
import { RECORD_PREDICATE, STATEMENT_TYPE, type Statement } from './envelope.ts'
import { hexDigest } from './field-schemas.ts'

/**
 * The immutable statement of a finished job: what was asked, what came out, and how it was verified. It holds no personal
 * data: agents are named by their keys in the trace, owners are only counted.
 */

const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const shards = z.int().min(0).max(LIMITS.shards)
const share = z.number().min(0).max(1)
/** A job in which more audits failed states no bound: to compute it again would take a verifier too long. */
export const BOUND_BAD_MAX = 65_536

/**
 * What the verification lets one say about the result. The findings are the hub's own word; what follows from them and from
 * the counts of the trace (kernel/verification/job-bound.ts) anybody can compute again. Absent in records of before it was
 * stated.
 */
const recordedBound = z.strictObject({
  /** Shards executed again by the hub, drawn uniformly after they were committed to, and those of them found wrong. */
  audits: shards,
  audits_bad: z.int().min(0).max(BOUND_BAD_MAX),
  /** Modelled probabilities of a wrong shard, summed over shards that rest on one word, and on agreeing owners. */
  doubt_single: z.number().min(0),
  doubt_agreed: z.number().min(0),
  copies_per_shard: z.number().min(0),
  /** At most this share of the shards is wrong, with 95 % confidence; absent where one word was never audited. */
  wrong_fraction: share.optional(),
  modelled_error: share,
  /** So far can wrong shards within `wrong_fraction` move the main figure, since every leaf keeps its op's invariants. */
  result: z
    .strictObject({
      figure: z.string().min(1).max(120),
      unit: z.string().min(1).max(40).optional(),
      at_most: z.number().min(0),
    })
    .optional(),
})
export type RecordedBound = z.infer<typeof recordedBound>

export const recordSchema = z.strictObject({
  record: z.literal(1),
  job_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, 'a job id is a lower-case UUID'),
  /** 16 random bytes in hexadecimal, so that the ledger's digest of a private record cannot be guessed. */
  salt: z.string().regex(/^[0-9a-f]{32}$/),
  op: z.string().min(1).max(64),
  contract_hash: hexDigest,
  replay_key: hexDigest,
  plan_digest: hexDigest,
  kernel_semantics: z.int().min(1),
  /** Digest of the normative kernel, and of each frozen table that it reads. */
  kernel: hexDigest,
  tables: z.record(z.string().regex(/^[a-z0-9_-]{1,64}$/), hexDigest),
  shards: z.strictObject({
    planned: shards,
    /** The plan's first shards, up to the stop: those of which the result was made. */
    accepted: shards.min(1),
    /** RFC 6962 root over the accepted digests in the order of shards. */
    root: hexDigest,
  }),
  result: z.strictObject({
    /** SHA-256 of the result's canonical form. */
    digest: hexDigest,
    artifacts: z
      .array(
        z.strictObject({
          name: z.string().min(1).max(64),
          digest: hexDigest,
          dtype: dtypeSchema,
          shape: z.array(z.int().min(0)).max(LIMITS.input_rank),
          bytes: count,
        }),
      )
      .max(64),
  }),
  verification: z.strictObject({
    /** As the contract asked. */
    asked: verifySchema,
    /** Shards by what closed them. */
    methods: z.strictObject(byMethod(shards)),
    /** Accepted copies, the referee's included. */
    copies: count,
    /** Distinct agent keys, and distinct owners, of accepted copies. */
    keys: count,
    owners: count,
    /**
     * Leases of shards whose result was known, given to test the agents, and those answered wrongly. No copies of the job's:
     * the hub's own word. Absent without any.
     */
    canaries: z.strictObject({ given: count.min(1), wrong: count }).optional(),
    bound: recordedBound.optional(),
  }),
  receipts: z.strictObject({
    count,
    /** RFC 6962 root over the receipts as evidence lists them. */
    root: hexDigest,
    /** Ids of earlier keys of this hub that gave leases of these receipts; left out where its present key gave them all. */
    lease_hubs: z.array(hexDigest).min(1).max(16).optional(),
  }),
  /** SHA-256 of the replay trace. */
  trace: hexDigest,
  work_units: count,
  /** Charged; null for a job without a price. */
  credits: count.nullable(),
  /** RFC 3339, UTC, to the second. */
  settled_at: z
    .string()
    .regex(/^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$/),
})
export type JobRecord = z.infer<typeof recordSchema>

/** The statement about the result and its artifacts. */
export function recordStatement(record: JobRecord): Statement {
  return {
    _type: STATEMENT_TYPE,
    predicateType: RECORD_PREDICATE,
    subject: [
      { name: 'result', digest: { sha256: record.result.digest } },
      ...record.result.artifacts.map(({ name, digest }) => ({ name, digest: { sha256: digest } })),
    ],
    predicate: record as unknown as Json,
  }
}

/** @throws ForgeError MESSAGE_INVALID */
export function parseRecord(value: unknown): JobRecord {
  const parsed = recordSchema.safeParse(value)
  if (!parsed.success) throw schemaError(parsed.error, 'MESSAGE_INVALID', 'record')
  return parsed.data
}
