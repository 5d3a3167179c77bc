import { z } from 'zod'
import { ERROR_CODES, type ErrorCode } from './errors.ts'
import { LEASE_BATCH_MAX, LEASE_PATH_MAX } from './lease.ts'
import { LIMITS } from './limits.ts'
import { probeReport } from './probe-report.ts'
import { EXECUTOR_KINDS } from './receipt.ts'

/**
 * Every message between hub and agent, and nothing else defines one. They travel as tRPC calls over one WebSocket in a
 * binary encoding: `hub.challenge`, `hub.enrol`, `hub.contract`, `hub.result`, `hub.release` are calls of the agent,
 * `hub.leases` is a subscription on which the hub speaks.
 */
export const PROTOCOL_VERSION = 2

const id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/)
/** So many bytes as lower-case hexadecimal digits. */
const hexOf = (length: number) => z.string().regex(new RegExp(`^[0-9a-f]{${2 * length}}$`))
const hex32 = hexOf(32)
const count = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const executorKind = z.enum(EXECUTOR_KINDS)

const anyBytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array, 'bytes are expected')
const bytes = (length: number) =>
  anyBytes.refine((value) => value.length === length, `${length} bytes are expected`)

export const challengeInput = z.strictObject({})
/**
 * A proof-of-work challenge in the format of ALTCHA 2: find the counter for which PBKDF2 over `nonce` and counter gives a
 * key that begins with `keyPrefix`. The hub signs it and keeps nothing until it is solved.
 */
export const challengeOutput = z.strictObject({
  parameters: z.strictObject({
    algorithm: z.literal('PBKDF2/SHA-256'),
    /** Iterations of PBKDF2 for each counter tried. */
    cost: z.int().min(1).max(LIMITS.challenge_cost_max),
    nonce: hexOf(16),
    salt: hexOf(16),
    keyLength: z.literal(32),
    keyPrefix: hexOf(16),
    keySignature: hex32,
    /** Seconds since 1970. */
    expiresAt: count,
  }),
  signature: hex32,
})
export type Challenge = z.infer<typeof challengeOutput>

export const solvedChallenge = z.strictObject({
  challenge: challengeOutput,
  solution: z.strictObject({ counter: z.int().min(0).max(0xffffffff), derivedKey: hex32 }),
})
export type SolvedChallenge = z.infer<typeof solvedChallenge>

/** An agent inside a partner's page: for which site it computes, and the visitor's consent to it. */
export const siteEnrolment = z.strictObject({
  site_key: z.string().regex(/^fpsk_[A-Za-z0-9_-]{22}$/),
  consent: z.string().regex(/^fpct_[A-Za-z0-9_-]{43}$/),
})
export type SiteEnrolment = z.infer<typeof siteEnrolment>

export const enrolInput = z.strictObject({
  v: z.literal(PROTOCOL_VERSION),
  /** Ed25519 public key. */
  public_key: bytes(32),
  executor: z.strictObject({
    kind: executorKind,
    /** For the owner's eyes: adapter or engine. */
    label: z.string().max(120),
  }),
  software: z.string().regex(/^[\x20-\x7e]{1,64}$/),
  /** Work units per second as measured at start; the hub trusts only what it sees afterwards. */
  speed: z.number().positive().max(1e12).optional(),
  /** Families of ops that its contributor wants to compute, such as `mc`; without them all, those to come included. */
  causes: z
    .array(z.string().regex(/^[a-z]{1,16}$/))
    .min(1)
    .max(LIMITS.causes)
    .optional(),
  /** What the executor can do. Without it the hub assumes what every executor of its kind can. */
  capability: z
    .strictObject({
      /** Of the largest operand or output of one shard. */
      memory_bytes: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
    })
    .optional(),
  /** What the agent found about each executor that it tried; for the owner's eyes. */
  probe: z.array(probeReport).max(EXECUTOR_KINDS.length).optional(),
  /** Names the owner; without one the owner is the agent's network. */
  owner_token: z
    .string()
    .regex(/^fpnt_[A-Za-z0-9_-]{43}$/)
    .optional(),
  /** This key succeeds an older one of the same agent: kernel/succession.ts. */
  succeeds: z
    .strictObject({ public_key: bytes(32), signature: bytes(64), own_signature: bytes(64) })
    .optional(),
  /** Present in a partner's page only. */
  site: siteEnrolment.optional(),
  /** Without it an agent whose owner is its network is answered CHALLENGE_REQUIRED. Each is good for one enrolment. */
  challenge: solvedChallenge.optional(),
  /** Leases the agent is willing to hold at once. */
  window: z.int().min(1).max(8),
})
export type EnrolInput = z.infer<typeof enrolInput>

export const enrolOutput = z.strictObject({
  session: id,
  agent_id: hex32,
  owner: z.string().max(120),
  /** Number of the hub's start: it fences results of an earlier life. */
  epoch: count,
  /** Ed25519 key that signs the leases of this session; the site publishes it. */
  hub_key: bytes(32),
})
export type EnrolOutput = z.infer<typeof enrolOutput>

export const leasesInput = z.strictObject({
  session: id,
  /** tRPC fills this when it resumes a subscription: leases after it are sent again. */
  lastEventId: z.string().max(64).nullish(),
})

/** What the hub's core decides about a lease, before it is signed. */
const leaseOffer = z.strictObject({
  t: z.literal('lease'),
  lease_id: id,
  epoch: count,
  job_id: z.string().regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
  contract_hash: hex32,
  plan_digest: hex32,
  first: count,
  count: z.int().min(1).max(LIMITS.lease_shards),
  /** Milliseconds from now after which the hub gives the shards to someone else. */
  deadline_ms: count,
})
export type LeaseOffer = z.infer<typeof leaseOffer>

export const leaseMessage = leaseOffer.extend({
  /** The hub's signature: kernel/lease.ts. */
  proof: z.strictObject({
    index: z
      .int()
      .min(0)
      .max(LEASE_BATCH_MAX - 1),
    size: z.int().min(1).max(LEASE_BATCH_MAX),
    path: anyBytes.refine((value) => value.length % 32 === 0 && value.length <= 32 * LEASE_PATH_MAX),
    signature: bytes(64),
  }),
})
export type LeaseMessage = z.infer<typeof leaseMessage>

/** What the hub says on `hub.leases`. */
export const hubMessage = z.discriminatedUnion('t', [
  leaseMessage,
  /** Stop this lease; its shards are no longer wanted. */
  z.strictObject({ t: z.literal('cancel'), lease_id: id, reason: z.string().max(200) }),
  /** So many shards of the lease are accepted and durably stored. May come in several parts. */
  z.strictObject({ t: z.literal('accepted'), lease_id: id, shards: count }),
  /** A result was refused; the agent's owner should know why. */
  z.strictObject({ t: z.literal('rejected'), lease_id: id, reason: z.string().max(200) }),
  /**
   * The hub is to stop and gives no more leases: the agent returns what it holds, and goes on elsewhere.
   * `to`: sockets of other hubs of the site; empty: the address that the agent came by leads to one.
   */
  z.strictObject({
    t: z.literal('draining'),
    to: z.array(z.string().max(LIMITS.hub_address_chars)).max(LIMITS.hub_addresses),
  }),
  /** The last word of a session: the agent stops and does not come back by itself. */
  z.strictObject({ t: z.literal('ended'), reason: z.string().max(200) }),
])
export type HubMessage = z.infer<typeof hubMessage>
/** The same before leases are signed. */
export type UnsignedMessage = Exclude<HubMessage, LeaseMessage> | LeaseOffer

/** A hub message as tRPC delivers a tracked event; the id resumes the subscription after it. */
export const trackedHubMessage = z.object({ id: z.string().max(64), data: hubMessage })

export const contractInput = z.strictObject({ session: id, contract_hash: hex32 })
/** The canonical form of the contract. */
export const contractOutput = z.strictObject({ canonical: z.string().max(LIMITS.contract_bytes) })

export const resultInput = z.strictObject({
  v: z.literal(PROTOCOL_VERSION),
  session: id,
  lease_id: id,
  epoch: count,
  executor: executorKind,
  /** SHA-256 of each leaf, 32 bytes each, in shard order. */
  digests: anyBytes.refine(
    (value) => value.length >= 32 && value.length % 32 === 0 && value.length <= 32 * LIMITS.lease_shards,
  ),
  result_root: bytes(32),
  /** Inline leaves in shard order; empty when the op's leaves are blobs, which are uploaded before. */
  leaves: z
    .array(anyBytes.refine((leaf) => leaf.length <= LIMITS.inline_leaf_bytes))
    .max(LIMITS.lease_shards),
  elapsed_ms: z.number().min(0).max(86_400_000),
  /** Ed25519 over `receiptBytes`. */
  signature: bytes(64),
})
export type ResultInput = z.infer<typeof resultInput>

/** `known`: the lease was not (or no longer) held; nothing was counted, the agent goes on. */
export const resultOutput = z.strictObject({ outcome: z.enum(['received', 'not_held']) })
export type ResultOutput = z.infer<typeof resultOutput>

export const releaseInput = z.strictObject({
  session: id,
  lease_ids: z.array(id).max(64),
  reason: z.enum(['paused', 'stopped', 'failed', 'cancelled']),
  detail: z.string().max(300).optional(),
})
export type ReleaseInput = z.infer<typeof releaseInput>

/** A refusal as it comes over the wire. */
export const hubErrorJson = z.object({
  code: z.enum(Object.keys(ERROR_CODES) as [ErrorCode, ...ErrorCode[]]),
  message: z.string().max(2000),
  hint: z.string().max(2000).optional(),
  path: z.string().max(500).optional(),
  retryable: z.boolean(),
})

/** A refusal by the hub: it stands as `forge` in the data of tRPC's error shape, next to tRPC's own fields. */
export const hubErrorData = z.object({ forge: hubErrorJson })

/** WebSocket close codes of the hub (4000–4999 are free for applications, RFC 6455 section 7.4.2). */
export const CLOSE = {
  malformed: 4400,
  too_large: 4413,
  too_many: 4429,
  restarting: 4503,
} as const
