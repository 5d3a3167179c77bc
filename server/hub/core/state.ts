import type { AcceptedShard } from '../../../kernel/acceptance.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import type { HubMessage } from '../../../kernel/protocol.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import type { JobPhase } from './lifecycle.ts'
import type { SegmentList } from './segments.ts'

/** What the core knows of a job: everything it needs to lease and verify, nothing of what the job computes. */
export interface HubJob {
  readonly id: string
  /** The submitter's account. His own agents never count towards his quorum. */
  owner: string
  readonly shard_count: number
  /** Work units of one shard. */
  readonly shard_units: number
  readonly leaf_max_bytes: number
  /** False when leaves are blobs: results then carry digests only. */
  readonly inline_leaves: boolean
  readonly contract_hash: string
  readonly plan_digest: string
  /** Copies of distinct owners that close a shard; 1 under verify mode `none`. */
  readonly copies_needed: number
  readonly target: 'any' | 'cpu' | 'gpu'
  readonly expires_ms: number
  /** Of a job with a target: where it may stop, ascending, the last at all shards. Empty: it does not stop early. */
  readonly look_ends: readonly number[]
  /** Looks that the shell has seen and that did not stop the job. */
  looks_passed: number
  /** Shards that the result covers, once a look has stopped the job. */
  stopped_at: number | undefined
  /** Order of admission, for fairness. */
  readonly order: number
  phase: JobPhase
  readonly segments: SegmentList
  /** One bit a shard. */
  readonly accepted: Uint8Array
  accepted_count: number
  /** Accepted and durable. */
  durable_count: number
  /** Shards in the referee's hands. */
  readonly refereeing: Set<number>
  leases: number
}

export interface HubSession {
  readonly id: string
  readonly agent: string
  readonly owner: string
  readonly executor: ExecutorKind
  readonly window: number
  readonly held: Set<string>
  /** Work units per millisecond; undefined until known. */
  speed: number | undefined
  speed_measured: boolean
  /** Whether the agent listens for leases now. */
  listening: boolean
  /** Since when it does not. */
  silent_since_ms: number
  /** When it last gave a result: what it holds besides was waiting until then. */
  returned_ms: number
}

export interface HubLease {
  readonly id: string
  readonly job_id: string
  readonly session: string
  readonly first: number
  readonly count: number
  readonly granted_ms: number
  readonly deadline_ms: number
}

export interface HubState {
  readonly epoch: number
  now_ms: number
  readonly jobs: Map<string, HubJob>
  readonly sessions: Map<string, HubSession>
  readonly leases: Map<string, HubLease>
  /** Agents whose result was wrong, with the reason: no more work in this hub's life. */
  readonly blocked: Map<string, string>
  next_lease: number
  next_order: number
}

export function initialState(epoch: number): HubState {
  return {
    epoch,
    now_ms: 0,
    jobs: new Map(),
    sessions: new Map(),
    leases: new Map(),
    blocked: new Map(),
    next_lease: 1,
    next_order: 1,
  }
}

/** So many shards of a lease are accepted: told to its agent after the commit. */
export interface Credit {
  readonly session: string
  readonly agent: string
  readonly owner: string
  readonly executor: ExecutorKind
  readonly lease_id: string
  readonly shards: number
}

export type HubEvent =
  | {
      readonly t: 'job.admitted'
      readonly job: Pick<
        HubJob,
        | 'id'
        | 'owner'
        | 'shard_count'
        | 'shard_units'
        | 'leaf_max_bytes'
        | 'inline_leaves'
        | 'contract_hash'
        | 'plan_digest'
        | 'copies_needed'
        | 'target'
        | 'expires_ms'
        | 'look_ends'
        | 'looks_passed'
        | 'stopped_at'
      > & {
        /** The phase stored for a job that an earlier life of the hub had. */
        readonly phase: 'planned' | 'running' | 'verifying'
        /** Shards accepted and durable from an earlier life. */
        readonly accepted: readonly number[]
      }
    }
  | { readonly t: 'job.cancelled'; readonly job_id: string }
  /** A guest has become an account: his jobs are the account's from now on. */
  | { readonly t: 'owner.moved'; readonly from: string; readonly to: string }
  | { readonly t: 'job.broken'; readonly job_id: string; readonly failure: ForgeErrorJson }
  | { readonly t: 'job.settled'; readonly job_id: string }
  /** So many prefixes are durable and looked at, none of which stops the job. */
  | { readonly t: 'job.looked'; readonly job_id: string; readonly passed: number }
  /** The prefix of so many shards is durable, and the look at it stops the job. */
  | { readonly t: 'job.stopped'; readonly job_id: string; readonly at_shard: number }
  | {
      readonly t: 'session.joined'
      readonly session: Pick<HubSession, 'id' | 'agent' | 'owner' | 'executor' | 'window'>
      /** The agent's own claim, work units per second: sizes its first lease only. */
      readonly claimed_speed: number | undefined
    }
  | { readonly t: 'session.listening'; readonly session: string; readonly after_lease: number }
  | { readonly t: 'session.silent'; readonly session: string }
  /** The shell ends a session for good: its key or token was revoked, its consent is over. */
  | { readonly t: 'session.ended'; readonly session: string; readonly reason: string }
  | { readonly t: 'lease.released'; readonly session: string; readonly lease_ids: readonly string[] }
  | {
      /** Shape, receipt, digests and leaf invariants have been checked by the shell. */
      readonly t: 'result.received'
      readonly session: string
      readonly lease_id: string
      readonly digests: Uint8Array
      readonly leaves: readonly Uint8Array[]
    }
  /** A result that the shell found wrong by itself: bad receipt, digest or invariant. */
  | {
      readonly t: 'result.invalid'
      readonly session: string
      readonly lease_id: string
      readonly reason: string
    }
  | {
      readonly t: 'referee.done'
      readonly job_id: string
      readonly shard: number
      readonly digest: Uint8Array
      readonly leaf: Uint8Array
    }
  | {
      readonly t: 'committed'
      readonly job_id: string
      readonly shard_count: number
      readonly credits: readonly Credit[]
    }
  | { readonly t: 'tick' }

export type HubEffect =
  | { readonly t: 'send'; readonly session: string; readonly seq: number; readonly message: HubMessage }
  /** Store these durably, then answer with `committed`. */
  | {
      readonly t: 'persist'
      readonly job_id: string
      /** Whose job it is and how many copies of a shard he pays for. */
      readonly submitter: string
      readonly copies_needed: number
      readonly shards: readonly AcceptedShard[]
      readonly credits: readonly Credit[]
    }
  | { readonly t: 'reply'; readonly outcome: 'received' | 'not_held' }
  | { readonly t: 'referee.run'; readonly job_id: string; readonly shard: number }
  | {
      readonly t: 'job.phase'
      readonly job_id: string
      readonly phase: JobPhase
      readonly failure?: ForgeErrorJson
    }
  /** Every shard that the result covers is accepted and durable: reduce and settle. */
  | { readonly t: 'job.complete'; readonly job_id: string }
  | { readonly t: 'session.dropped'; readonly session: string; readonly reason: string }

export interface Step {
  readonly state: HubState
  readonly effects: readonly HubEffect[]
}

export function isAccepted(job: HubJob, shard: number): boolean {
  return ((job.accepted[shard >> 3] ?? 0) & (1 << (shard & 7))) !== 0
}
