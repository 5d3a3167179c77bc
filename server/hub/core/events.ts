import type { AcceptedRun } from '../../../kernel/acceptance.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import type { Leaves } from '../../../kernel/leaves.ts'
import type { UnsignedMessage } from '../../../kernel/protocol.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import type { CheckFindings } from '../../../kernel/verification/job-bound.ts'
import type { LiveStanding } from '../../../kernel/verification/reputation.ts'
import type { JobPhase } from './lifecycle.ts'
import type { HubJob, ShardSpan } from './state.ts'

/** What the core is told, and what it asks for. */

/** A chunk as the queue gives it. */
export interface ClaimedChunk {
  readonly chunk: number
  readonly first: number
  readonly count: number
  /** Fences this claim: a later one of the same chunk has a greater number. */
  readonly epoch: number
  /** How long the claim lasts unless it is extended; Infinity when nobody else can claim. */
  readonly lease_ms: number
  /** Shards that are accepted and durable: ascending, disjoint `[first, count]`. */
  readonly accepted: readonly (readonly [first: number, count: number])[]
}

/** So many shards of a lease are accepted: told to its agent after the commit. */
export interface Credit {
  readonly session: string
  readonly agent: string
  readonly owner: string
  readonly executor: ExecutorKind
  readonly lease_id: string
  shards: number
}

/** What an agent gave for a lease whose answer was known. */
export interface CanaryAnswer {
  readonly lease_id: string
  readonly agent: string
  readonly owner: string
  readonly shards: number
  readonly isRight: boolean
}

export interface PassedChecks {
  readonly agent: string
  readonly executor: ExecutorKind
  valid: number
}

export interface AdmittedJob
  extends Pick<
    HubJob,
    | 'id'
    | 'owner'
    | 'shard_count'
    | 'shard_units'
    | 'leaf_max_bytes'
    | 'inline_leaves'
    | 'contract_hash'
    | 'plan_digest'
    | 'verify'
    | 'target'
    | 'cause'
    | 'min_agents'
    | 'max_agents'
    | 'weight'
    | 'look_ends'
    | 'looks_passed'
    | 'stopped_at'
  > {
  readonly expires_ms: number
  /** Bytes of its largest operand or output; default 0. */
  readonly memory_bytes?: number
  /** Digests of its operands; default none. */
  readonly operands?: readonly string[]
  readonly isPaused?: boolean
  /** The phase stored for a job that an earlier life of the hub had. */
  readonly phase: 'planned' | 'running' | 'verifying'
}

export type HubEvent =
  | { readonly t: 'job.admitted'; readonly job: AdmittedJob }
  | { readonly t: 'job.cancelled'; readonly job_id: string }
  /** What the job's other hubs have: agents connected that could work for it. */
  | { readonly t: 'job.elsewhere'; readonly job_id: string; readonly connected: number }
  /** Shards that are to be executed again before the job ends: an agent on whose word they rest was found wrong. */
  | { readonly t: 'job.doubted'; readonly job_id: string; readonly spans: readonly Readonly<ShardSpan>[] }
  /** Another hub has found an agent wrong. */
  | {
      readonly t: 'agent.distrusted'
      readonly agent: string
      readonly executor: ExecutorKind
      readonly reason: string
    }
  /** A guest has become an account: his jobs are the account's from now on. */
  | { readonly t: 'owner.moved'; readonly from: string; readonly to: string }
  | { readonly t: 'job.broken'; readonly job_id: string; readonly failure: ForgeErrorJson }
  | { readonly t: 'job.settled'; readonly job_id: string }
  /** Its owner wants no new leases of it until it is resumed. */
  | { readonly t: 'job.paused'; readonly job_id: string }
  | { readonly t: 'job.resumed'; readonly job_id: string }
  /** How much of its owner's part it gets. */
  | { readonly t: 'job.weighed'; readonly job_id: string; readonly weight: number }
  /** So many prefixes are durable and looked at, none of which stops the job. */
  | { readonly t: 'job.looked'; readonly job_id: string; readonly passed: number }
  /** The prefix of so many shards is durable, and the look at it stops the job. */
  | { readonly t: 'job.stopped'; readonly job_id: string; readonly at_shard: number }
  /** The answer to `chunk.claim`. `exhausted`: the queue has no more now. */
  | {
      readonly t: 'chunks.claimed'
      readonly job_id: string
      readonly chunks: readonly ClaimedChunk[]
      readonly exhausted: boolean
    }
  /** The queue has chunks of this job again: another hub has given some up. */
  | { readonly t: 'chunks.available'; readonly job_id: string }
  /** The claim has ended, or somebody else has the chunk: what is open in it is no longer this hub's to do. */
  | { readonly t: 'chunk.lost'; readonly job_id: string; readonly chunk: number; readonly epoch: number }
  /** Every chunk of the job is done, whichever hub did it. */
  | { readonly t: 'job.drained'; readonly job_id: string }
  | {
      readonly t: 'session.joined'
      readonly session: {
        readonly id: string
        readonly agent: string
        readonly owner: string
        /** Prefix of the public address that it speaks from; undefined: not known. */
        readonly network?: string | undefined
        readonly executor: ExecutorKind
        readonly window: number
        /** Families of ops that its contributor chose; undefined: all. */
        readonly causes?: readonly string[] | undefined
        /** The largest operand or output that it holds; undefined: what its kind holds everywhere. */
        readonly memory_bytes?: number | undefined
      }
      /** The agent's own claim, work units per second: sizes its first lease only. */
      readonly claimed_speed: number | undefined
      /** What its reputation lets it begin with; nothing is known of an agent without one. */
      readonly standing?: LiveStanding
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
      readonly leaves: Leaves
    }
  /** A result that the shell found wrong by itself: bad receipt, digest or invariant. */
  | {
      readonly t: 'result.invalid'
      readonly session: string
      readonly lease_id: string
      readonly reason: string
    }
  | {
      /** The answer to `referee.run`, in the order of its shards. */
      readonly t: 'referee.done'
      readonly request: number
      /** 32 bytes a shard. */
      readonly digests: Uint8Array
      /** Empty when leaves are blobs. */
      readonly leaves: Leaves
    }
  /** The answer to `referee.check`: which of its shards are wrong, by their place in the request. */
  | { readonly t: 'referee.checked'; readonly request: number; readonly wrong: readonly number[] }
  /** The answer to `referee.recheck`: what was wrong has been replaced and is durable. */
  | { readonly t: 'referee.rechecked'; readonly request: number }
  | {
      readonly t: 'committed'
      readonly job_id: string
      readonly chunk: number
      readonly epoch: number
      readonly shard_count: number
      readonly credits: readonly Credit[]
    }
  /**
   * The hub is to stop: no more leases are given, those that agents have may still be answered.
   * `to`: sockets of other hubs, where agents are to go.
   */
  | { readonly t: 'hub.draining'; readonly to: readonly string[] }
  | { readonly t: 'tick' }

export type HubEffect =
  | { readonly t: 'send'; readonly session: string; readonly seq: number; readonly message: UnsignedMessage }
  /** Store these durably, then answer with `committed`. */
  | {
      readonly t: 'persist'
      readonly job_id: string
      readonly chunk: number
      readonly epoch: number
      /** Whose job it is and how many copies of a shard he pays for. */
      readonly submitter: string
      readonly copies_paid: number
      /** What checks have found, beside the runs. */
      readonly findings: CheckFindings
      readonly shard_count: number
      readonly runs: readonly AcceptedRun[]
      readonly credits: readonly Credit[]
      /** Answers to canaries: no copies of the job's; those that are right the network pays. */
      readonly canaries?: readonly CanaryAnswer[]
    }
  /** Store what a lease gave for shards that are not accepted on its word, with the next commit. */
  | {
      readonly t: 'withheld'
      readonly job_id: string
      readonly lease_id: string
      readonly first: number
      /** 32 bytes a shard. */
      readonly digests: Uint8Array
    }
  | { readonly t: 'reply'; readonly outcome: 'received' | 'not_held' }
  /** Execute these shards and answer with `referee.done`. */
  | {
      readonly t: 'referee.run'
      readonly request: number
      readonly job_id: string
      readonly shards: readonly number[]
    }
  /** Check these committed shards by the op's algebraic check and answer with `referee.checked`. */
  | {
      readonly t: 'referee.check'
      readonly request: number
      readonly job_id: string
      readonly shards: readonly number[]
      /** 32 bytes a shard. */
      readonly digests: Uint8Array
      /** Empty when leaves are blobs. */
      readonly leaves: Leaves
    }
  /** Execute these accepted shards again, replace what is wrong, and answer with `referee.rechecked`. */
  | {
      readonly t: 'referee.recheck'
      readonly request: number
      readonly job_id: string
      readonly shards: readonly number[]
    }
  /** Checks have found so many results of these agents right. */
  | { readonly t: 'agents.passed'; readonly passed: readonly PassedChecks[] }
  | {
      readonly t: 'agent.failed'
      readonly agent: string
      readonly executor: ExecutorKind
      readonly reason: string
      readonly job_id: string | undefined
    }
  /** What rests on this word alone is to be executed again: look it up soon, and say it with `job.doubted`. */
  | { readonly t: 'word.doubted'; readonly agent: string; readonly executor: ExecutorKind }
  /** Claim at most so many chunks and answer with `chunks.claimed`. */
  | { readonly t: 'chunk.claim'; readonly job_id: string; readonly wanted: number }
  /** The chunk is still worked on: answer with `chunk.lost` when the claim is over. */
  | { readonly t: 'chunk.extend'; readonly job_id: string; readonly chunk: number; readonly epoch: number }
  /** No agent here can do the chunk: it is left to others. `accepted`: what is durable of it. */
  | {
      readonly t: 'chunk.return'
      readonly job_id: string
      readonly chunk: number
      readonly epoch: number
      readonly accepted: readonly (readonly [first: number, count: number])[]
    }
  /** Every shard of the chunk is durable. */
  | { readonly t: 'chunk.done'; readonly job_id: string; readonly chunk: number; readonly epoch: number }
  | {
      readonly t: 'job.phase'
      readonly job_id: string
      readonly phase: JobPhase
      readonly failure?: ForgeErrorJson
    }
  /** Every shard that the result covers is accepted and durable: reduce and settle. */
  | { readonly t: 'job.complete'; readonly job_id: string }
  | { readonly t: 'session.dropped'; readonly session: string; readonly reason: string }
