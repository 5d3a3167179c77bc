import { z } from 'zod'
import { claimChallenge } from '../claim.ts'
import { probeReport } from '../probe-report.ts'
import { EXECUTOR_KINDS } from '../receipt.ts'

/** The public API's answers about a person's agents. See ../api.ts. */

/** One agent key: a browser profile, or a headless agent's key file. */
export const deviceView = z.object({
  /** SHA-256 of the public key. */
  id: z.string(),
  /** What its owner calls it. */
  name: z.string().nullable(),
  software: z.string(),
  first_seen: z.string(),
  last_seen: z.string(),
  /** From then on the key is refused. */
  revoked_at: z.string().nullable(),
  /** It has a session with the hub now. */
  connected: z.boolean(),
  /** Families of ops that it takes while it is connected; null: all. */
  causes: z.array(z.string()).nullable(),
  /** Accepted shards. */
  shards: z.int(),
  /** Leases with accepted shards. */
  leases: z.int(),
  /** What it earned for this account, what came with a claim included. */
  credits: z.int(),
  /** The one used last first. */
  executors: z.array(
    z.object({
      executor: z.enum(EXECUTOR_KINDS),
      /** Adapter or engine. */
      label: z.string(),
      shards: z.int(),
      leases: z.int(),
      /** Null for one that was tried and never used. */
      last_seen: z.string().nullable(),
      /** What the agent found when it last tried it, by its own word. */
      probe: probeReport.nullable(),
    }),
  ),
  /** Accepted shards by op, most first. */
  ops: z.array(z.object({ op: z.string(), shards: z.int() })),
  /** What checks have found of it, by executor; one that was never checked is left out. */
  trust: z.array(
    z.object({
      executor: z.enum(EXECUTOR_KINDS),
      state: z.enum(['checked', 'probation', 'quarantined']),
      /** Consecutive checked results that were right: what it is trusted with follows from them. */
      checks: z.int(),
      /** All checked results that were right, and wrong. */
      valid: z.int(),
      invalid: z.int(),
      /** Checks that it still has to pass on probation. */
      probation: z.int(),
      /** Refused until then. */
      quarantined_until: z.string().nullable(),
      /** Its owner may say now that it is mended. */
      may_appeal: z.boolean(),
    }),
  ),
  /** Its newest wrong results, the newest first. */
  incidents: z.array(
    z.object({
      executor: z.enum(EXECUTOR_KINDS),
      reason: z.string(),
      job_id: z.string().nullable(),
      at: z.string(),
    }),
  ),
})
export type DeviceView = z.infer<typeof deviceView>

export const deviceList = z.object({ items: z.array(deviceView) })

/** Sign it with the device's key and send it back before it expires. */
export const claimChallengeView = claimChallenge.extend({ expires_at: z.string() })

/** A device that has become the account's, with what it had earned before. */
export const claimView = z.object({
  device: deviceView,
  /** Credits that came with it. */
  credits: z.int(),
})
