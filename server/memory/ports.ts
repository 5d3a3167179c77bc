import type { AcceptedRun, AcceptedShard } from '../../kernel/acceptance.ts'
import type { StatementLine } from '../../kernel/api/credits.ts'
import type { JobPriority, JobState, ProgressView, Visibility } from '../../kernel/api.ts'
import type { WorkDone } from '../../kernel/bill.ts'
import type { Contract } from '../../kernel/contract.ts'
import type { HexDigest } from '../../kernel/digest.ts'
import type { ForgeErrorJson } from '../../kernel/errors.ts'
import type { StoredReceipt, WithheldDigests } from '../../kernel/evidence/assemble.ts'
import type { CostKind } from '../../kernel/price.ts'
import type { ProbeReport } from '../../kernel/probe-report.ts'
import type { ExecutorKind, Receipt } from '../../kernel/receipt.ts'
import type { SignedSuccession } from '../../kernel/succession.ts'
import type { CheckFindings } from '../../kernel/verification/job-bound.ts'
import type { Transaction } from './transaction.ts'

/** What the hub and the services ask of storage. Adapters stand beside this file. */

export interface NewJob {
  /** UUID. */
  readonly id: string
  /** Account that submitted it. */
  readonly owner_id: string
  /** Repeating a submission with the same key by the same owner gives the first job back. */
  readonly idempotency_key: string | undefined
  readonly contract: Contract
  readonly canonical: string
  readonly op: string
  readonly contract_hash: HexDigest
  readonly replay_key: HexDigest
  readonly plan_digest: HexDigest
  readonly shard_count: number
  readonly work_units: number
  /** Credits of one copy of one shard. */
  readonly shard_price: number
  /** Credits held for the job, the most that it can cost. */
  readonly hold: number
  /** How much of its owner's part of the network it gets; default normal. */
  readonly priority?: JobPriority | undefined
}

export interface ArtifactRow {
  readonly name: string
  readonly digest: HexDigest
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: number
}

export interface JobRow
  extends Omit<NewJob, 'idempotency_key' | 'contract' | 'shard_price' | 'hold' | 'priority'> {
  /** Null, as `hold` and `bill`, for a job from before there were credits. */
  readonly shard_price: number | null
  readonly hold: number | null
  /** Charged copies by what they were for; null until the job ends. */
  readonly bill: Readonly<Record<CostKind, number>> | null
  /** Of a job with a target that has ended: shards that its result covers and that are charged. Else null. */
  readonly covered_shards: number | null
  /** The job whose record answered the contract; null for a job that was executed. */
  readonly replay_of: string | null
  /** From then on its record answers no contract; null while it may. */
  readonly replay_ended_at: Date | null
  readonly priority: JobPriority
  /** Since when its owner wants no new leases of it. */
  readonly paused_at: Date | null
  readonly state: JobState
  readonly visibility: Visibility
  readonly created_at: Date
  readonly started_at: Date | null
  readonly finished_at: Date | null
  /** Final figures; null until the job ends. */
  readonly progress: ProgressView | null
  /** Canonical JSON of the result. */
  readonly result: string | null
  readonly result_digest: HexDigest | null
  readonly headline: string | null
  readonly artifacts: readonly ArtifactRow[]
  readonly failure: ForgeErrorJson | null
}

export interface Settlement {
  readonly result: string
  readonly result_digest: HexDigest
  readonly headline: string
  readonly artifacts: readonly ArtifactRow[]
  readonly progress: ProgressView
  /** Of a job with a target: shards that its result covers, from the first. The others are paid by the network. */
  readonly covered_shards: number | null
  /** Without one nothing is checked. */
  readonly basis?: SettlementBasis
}

/** What a result rests on, as far as it may still change: a settlement is refused when it has. */
export interface SettlementBasis {
  /** Shards corrected so far, all of which are in the result. */
  readonly corrections: number
  /** Wrong results of agents on whose word alone shards rest, stored since then. */
  readonly incidents: { readonly agents: readonly string[]; readonly since: Date; readonly count: number }
}

/** Which jobs a list shows. */
export type JobFilter = { readonly ownerId: string } | { readonly visibility: Visibility }

export interface JobStore {
  /**
   * Stores a job and holds its price, both or neither.
   * @returns the stored job, and whether this call created it
   * @throws ForgeError CREDITS_INSUFFICIENT
   */
  insert(job: NewJob): Promise<{ readonly job: JobRow; readonly created: boolean }>
  get(id: string): Promise<JobRow | undefined>
  /** Newest first. `before` is the cursor: created_at and id of the last row seen. */
  list(
    query: JobFilter & {
      readonly limit: number
      readonly before?: { readonly created_at: Date; readonly id: string }
    },
  ): Promise<readonly JobRow[]>
  setVisibility(id: string, visibility: Visibility): Promise<void>
  /** Both of a job that has not ended. @returns false when it has, or there is none */
  setPaused(id: string, isPaused: boolean): Promise<boolean>
  setPriority(id: string, priority: JobPriority): Promise<boolean>
  /** Jobs whose state is not final, oldest first; of one owner if one is given. */
  unfinished(ownerId?: string): Promise<readonly JobRow[]>
  /** Settled jobs, and the shards accepted in all jobs. */
  counts(): Promise<{ readonly settled: number; readonly shards_accepted: number }>
  /**
   * Moves a job from any of `from` to `to`. @returns false when it is in none of them (someone else was first).
   * Sets started_at on `running` and finished_at on a final state. A final state is stored together with its money: what
   * is durable of the job is charged and paid out, the rest of the hold released.
   */
  transition(
    id: string,
    from: readonly JobState[],
    to: JobState,
    more?: {
      readonly failure?: ForgeErrorJson
      readonly progress?: ProgressView
      readonly covered_shards?: number | null
    },
  ): Promise<boolean>
  /**
   * Running or verifying to settled with its result and its money, in one transaction, which ends every claim of the
   * job's chunks. @returns false when it has ended before, for a job ends once, whichever hub
   * ends it; or when what the settlement rests on has changed
   */
  settle(id: string, settlement: Settlement): Promise<boolean>
}

export interface ResultGroup {
  readonly job_id: string
  /** A shard that stands in an earlier group too has been found wrong since, and is replaced. */
  readonly runs: readonly AcceptedRun[]
  readonly findings: CheckFindings
}

/** A group as it is stored. */
export interface StoredGroup extends ResultGroup {
  /** Of the hub that stored it, and the row's number in it. */
  readonly epoch: number
  readonly seq: number
  /** Its shards replace those of other rows, which were found wrong. */
  readonly is_replacement: boolean
}

/** A hub's claim of a chunk: a later claim of the same chunk has a greater epoch, and this one is over. */
export interface ChunkClaim {
  readonly chunk: number
  readonly epoch: number
}

/** A group on its way into the store, with what its copies are worth to whom. */
export interface AcceptedGroup extends ResultGroup {
  readonly work: readonly WorkDone[]
  /**
   * What lets it in: the claim of the chunk in which its shards lie, as long as it is the newest; or, for one shard that
   * the referee replaces, that it has not been replaced before and its job has not ended.
   */
  readonly fence: ChunkClaim | 'correction'
}

export interface SignedReceipt {
  readonly job_id: string
  readonly agent: string
  readonly receipt: Receipt
  readonly signature: Uint8Array
}

export interface JobWithheld extends WithheldDigests {
  readonly job_id: string
}

/** What an agent gave for a lease whose result was known. */
export interface CanaryAnswerRow {
  readonly job_id: string
  readonly epoch: number
  readonly lease_id: string
  readonly agent: string
  readonly owner: string
  readonly shards: number
  readonly isRight: boolean
}

/** Accepted results. One packed row per chunk and commit, no row per shard; a commit is one transaction. */
export interface ResultStore {
  /** A new epoch for a hub that starts, larger than every earlier one. Those of other hubs stay valid. */
  openEpoch(): Promise<number>
  /**
   * Stores every group whose fence lets it in, and none of the others; receipts and withheld digests always, for they say
   * what agents signed, whoever owns the chunk now. After a failure the commit may have happened all the same: call again
   * with the same `groups` array, and nothing is stored twice.
   * @returns the groups that are not stored
   * @throws ForgeError CONFLICT when `epoch` was not opened by this store, or the database does not know it
   */
  commit(
    epoch: number,
    groups: readonly AcceptedGroup[],
    receipts: readonly SignedReceipt[],
    withheld?: readonly JobWithheld[],
    canaries?: readonly CanaryAnswerRow[],
  ): Promise<readonly AcceptedGroup[]>
  /** Which of these shards are durable: `[first, count]` in any order. */
  durable(
    jobId: string,
    first: number,
    count: number,
  ): Promise<readonly (readonly [first: number, count: number])[]>
  /**
   * Everything accepted for a job: rows in the order of each hub's commits, and what replaces shards of others after all
   * others; last what canaries have found at each hub, under the number CANARY_SEQ and without shards. With `wants` only those rows.
   */
  load(
    jobId: string,
    wants?: (row: Pick<StoredGroup, 'epoch' | 'seq'>) => boolean,
  ): AsyncIterable<StoredGroup>
  /** The groups with a copy of one of these agents, in the same order. With `wants` the contents of those only are read. */
  loadOf(
    jobId: string,
    agents: readonly string[],
    wants?: (row: Pick<StoredGroup, 'epoch' | 'seq'>) => boolean,
  ): AsyncIterable<StoredGroup>
  /** Of the shards first … last: the groups that may hold one of them, in the same order. */
  loadSpan(jobId: string, first: number, last: number): AsyncIterable<StoredGroup>
  /** Those of `shards` that are accepted, by number, as they are now. Reads the rows that may hold one of them, no other. */
  find(jobId: string, shards: readonly number[]): Promise<ReadonlyMap<number, AcceptedShard>>
}

export interface OwnerRow {
  readonly id: string
  readonly kind: 'account' | 'guest' | 'network' | 'house'
  /** Display name, network prefix or `house`. */
  readonly label: string
}

export interface OwnerStore {
  /** Finds or creates the owner of a network: `203.0.113.0/24`, `2001:db8:1::/48`. */
  network(prefix: string): Promise<OwnerRow>
  /** Finds or creates the house. */
  house(): Promise<OwnerRow>
  get(id: string): Promise<OwnerRow | undefined>
  ofUser(userId: string): Promise<OwnerRow | undefined>
  /** The owner of somebody who signs in; one for each user, however often it is asked for. */
  addPerson(person: {
    readonly userId: string
    readonly kind: 'account' | 'guest'
    readonly label: string
  }): Promise<OwnerRow>
  rename(userId: string, label: string): Promise<void>
}

/** Somebody who signs in. */
export interface UserRow {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly emailVerified: boolean
  readonly isGuest: boolean
  readonly createdAt: Date
}

export interface SessionRow {
  readonly id: string
  readonly createdAt: Date
  /** When it was last prolonged. */
  readonly updatedAt: Date
  readonly address: string | null
  readonly userAgent: string | null
}

export interface UserStore {
  get(id: string): Promise<UserRow | undefined>
  /** Those that have not ended, the newest first. */
  sessions(userId: string): Promise<readonly SessionRow[]>
  /** @returns false when the user has no such session */
  endSession(userId: string, id: string): Promise<boolean>
  /** @returns how many there were */
  endSessions(userId: string): Promise<number>
  /**
   * Removes the user with sessions, password and passkeys, revokes his tokens, forgets his uploads and the names of his
   * devices, and leaves an owner without a name. All of it or nothing.
   */
  erase(userId: string, ownerId: string): Promise<void>
}

export type TokenKind = 'api_key' | 'node_token' | 'house'

export interface TokenRow {
  readonly id: string
  readonly owner_id: string
  readonly kind: TokenKind
  readonly name: string
  /** The first nine characters. */
  readonly prefix: string
  readonly created_at: Date
  /** To the minute; null when it has never been used. */
  readonly last_used_at: Date | null
  readonly revoked_at: Date | null
}

/** Secrets that name an owner. Only their SHA-256 is stored. */
export interface TokenStore {
  add(token: {
    readonly hash: HexDigest
    readonly owner_id: string
    readonly kind: TokenKind
    readonly name: string
    readonly prefix: string
  }): Promise<TokenRow>
  /** A revoked token is found as well: its holder is to be told that it was revoked. */
  find(hash: HexDigest): Promise<{ readonly token: TokenRow; readonly owner: OwnerRow } | undefined>
  used(id: string, at: Date): Promise<void>
  /** Newest first, revoked ones included. */
  list(ownerId: string, kind: TokenKind): Promise<readonly TokenRow[]>
  get(id: string): Promise<TokenRow | undefined>
  /** @returns false when it was revoked before */
  revoke(id: string): Promise<boolean>
}

/** What an agent says about itself when it enrols. */
export interface AgentIdentity {
  /** SHA-256 of the public key. */
  readonly id: string
  /** 32 bytes; undefined for an agent that has not enrolled since evidence needs it. */
  readonly public_key?: Uint8Array | undefined
  readonly owner_id: string
  readonly executor: ExecutorKind
  readonly label: string
  readonly software: string
  /** The partner's site in whose pages it runs; null for an agent of its own. */
  readonly site_id: string | null
}

/** One executor of an agent: what it says of it, and what it did with it. */
export interface AgentExecutorRow {
  readonly executor: ExecutorKind
  readonly label: string
  /** Accepted shards. */
  readonly shards: number
  /** Leases with accepted shards. */
  readonly leases: number
  /** Null for an executor that was tried and never used. */
  readonly last_seen: Date | null
  /** What the agent found when it last tried the executor. */
  readonly probe: ProbeReport | null
}

export interface AgentRow extends Omit<AgentIdentity, 'public_key'> {
  readonly first_seen: Date
  readonly last_seen: Date
  /** Accepted shards. */
  readonly shards: number
  /** Leases with accepted shards. */
  readonly leases: number
  /** What its owner calls it. */
  readonly name: string | null
  readonly revoked_at: Date | null
  readonly executors: readonly AgentExecutorRow[]
  /** Accepted shards by op, most first. */
  readonly ops: readonly { readonly op: string; readonly shards: number }[]
}

/** Accepted copies of one agent, under one job. */
export interface AgentWork {
  readonly id: string
  /** For whom the agent worked. */
  readonly owner_id: string
  readonly executor: ExecutorKind
  readonly job_id: string
  readonly shards: number
  readonly leases: number
}

/** Both keys have signed it. */
export interface AgentSuccession {
  readonly from: string
  readonly to: string
  /** Of `to`, 32 bytes. */
  readonly public_key: Uint8Array
  /** The site in whose pages it runs. */
  readonly site_id: string | null
}

/** Agents that have ever enrolled. Their totals are for people; money is never computed from them. */
export interface AgentStore {
  /**
   * Creates the agent, or updates what it says about itself and when it was last seen. A key is only claimed here, not
   * proven, so a known agent keeps its account; an anonymous one follows its network.
   * @returns false when the key is revoked: nothing is changed then
   * @throws ForgeError FORBIDDEN when the key belongs to another site, or to none: an agent's site never changes
   */
  enrolled(agent: AgentIdentity, probe: readonly ProbeReport[]): Promise<boolean>
  /**
   * Adds accepted work to totals, many agents in one statement; the same agent may stand there several times. Accepted
   * work was signed with the key: an anonymous agent that did it for an account belongs to that account from now on.
   */
  credit(work: readonly AgentWork[]): Promise<void>
  get(id: string): Promise<AgentRow | undefined>
  /** Agents of an owner, the one seen last first. */
  ofOwner(ownerId: string, limit: number): Promise<readonly AgentRow[]>
  /** Each of these: @returns false when `ownerId` has no such agent */
  rename(id: string, ownerId: string, name: string | null): Promise<boolean>
  /**
   * Puts a new key in the place of an old one, with owner, name and reputation; the old one is revoked.
   * @returns whether `to` has taken over, now or before; false when `from` is not known or was revoked
   * @throws ForgeError FORBIDDEN when `from` has another successor or site, or `to` a history of its own
   */
  succeed(succession: AgentSuccession): Promise<boolean>
  /** The first revocation's time stays. */
  revoke(id: string, ownerId: string): Promise<boolean>
}

/** Which partner site brought an agent: asked inside the transaction that pays. */
export interface PartnerSites {
  /** @returns sites by agent; an agent of no site is left out */
  ofAgents(
    tx: Transaction,
    agents: readonly string[],
  ): Promise<ReadonlyMap<string, { readonly site_id: string; readonly owner_id: string }>>
}

export interface OpenHoldRow {
  readonly job_id: string
  readonly credits: number
  readonly created_at: Date
  readonly expires_at: Date
}

/** A transfer as its account's owner sees it. */
export interface StatementRow {
  /** Place in the ledger. */
  readonly seq: number
  readonly id: string
  readonly time: Date
  readonly kind: StatementLine['kind']
  /** Change of what is available, signed. */
  readonly change: number
  /** Of a charge: its amount. */
  readonly charged: number | null
  readonly job_id: string | null
  readonly agent: string | null
  readonly site_id: string | null
}

/** Accounts of the ledger, by their owners. Holds and charges of jobs are the job store's. */
export interface CreditStore {
  /** Opens the owner's account with a grant; once for each `reason`. @returns false when it was given before */
  grant(ownerId: string, credits: number, reason: string): Promise<boolean>
  /** An owner without an account has nothing. */
  balance(ownerId: string): Promise<{ readonly available: number; readonly held: number }>
  /** Newest first. */
  holds(ownerId: string, limit: number): Promise<readonly OpenHoldRow[]>
  /** Newest first, from before the row `before`, with what was available after the first of them. */
  statementBefore(
    ownerId: string,
    query: { readonly limit: number; readonly before?: number },
  ): Promise<{ readonly rows: readonly StatementRow[]; readonly available: number }>
  /** Oldest first, from after the row `after`. */
  statementAfter(
    ownerId: string,
    query: { readonly limit: number; readonly after: number },
  ): Promise<readonly StatementRow[]>
  statementLines(ownerId: string): Promise<number>
  /**
   * Makes an account the owner of an agent's key and moves what the agent has earned. Repeating it is harmless.
   * @returns the credits moved
   * @throws ForgeError NOT_FOUND when there is no such agent, or another account has it
   */
  claimAgent(agent: string, ownerId: string): Promise<number>
  /** What each of these agents earned for the owner, what came by claims included; agents without earnings are left out. */
  earnedBy(ownerId: string, agents: readonly string[]): Promise<ReadonlyMap<string, number>>
  /** Moves a guest's jobs, holds and credits to an account. Repeating it is harmless. */
  moveOwner(fromId: string, toId: string): Promise<{ readonly credits: number; readonly jobs: number }>
  /** Jobs whose hold is past its time, oldest first. */
  overdueJobs(limit: number): Promise<readonly string[]>
}

export interface BlobStat {
  readonly digest: HexDigest
  readonly bytes: number
}

/** Who may read which blob. */
export interface BlobAccessStore {
  /** Idempotent. */
  uploaded(ownerId: string, digest: HexDigest, bytes: number): Promise<void>
  /** Bytes of the distinct blobs that an owner has uploaded. */
  uploadedBytes(ownerId: string): Promise<number>
  /** Whether the owner has uploaded it or has a job that it belongs to, and whether a public job has it. */
  grantsOf(
    digest: HexDigest,
    ownerId: string | undefined,
  ): Promise<{ readonly isOwn: boolean; readonly isPublic: boolean }>
}

/** Content-addressed bytes, up to LIMITS.blob_bytes each unless the writer says more. Writing the same bytes twice is harmless. */
export interface BlobStore {
  /**
   * Stores a stream and returns its digest; the blob appears whole or not at all, and is durable on return.
   * @throws ForgeError TOO_LARGE, or DIGEST_MISMATCH when `expected` is given and differs
   */
  put(
    source: AsyncIterable<Uint8Array>,
    options?: { readonly expected?: HexDigest; readonly maxBytes?: number },
  ): Promise<BlobStat>
  stat(digest: HexDigest): Promise<BlobStat | undefined>
  /** Optional byte range, both ends inclusive. @throws ForgeError NOT_FOUND */
  read(digest: HexDigest, range?: { readonly start: number; readonly end: number }): AsyncIterable<Uint8Array>
  remove(digest: HexDigest): Promise<void>
}

export interface NewLogEntry {
  readonly kind: 'record' | 'correction'
  readonly job_id: string
  /** Of a correction: index of the record. */
  readonly corrects?: number
  /** What the log publishes. */
  readonly leaf: Uint8Array
  /** Canonical DSSE envelope. */
  readonly envelope: string
  /** Blobs with the trace and the receipts. */
  readonly trace: HexDigest
  readonly receipts: HexDigest
}

export interface LogEntry extends Omit<NewLogEntry, 'corrects' | 'leaf'> {
  readonly index: number
  readonly corrects: number | undefined
  readonly created_at: Date
}

/** The newest signed head of the ledger. */
export interface LogHead {
  readonly size: number
  readonly note: string
}

/** The public ledger of job records: append-only. */
export interface RecordStore {
  /** Name and key of the ledger: the first that was proposed, for ever. */
  identity(proposed: {
    readonly origin: string
    readonly vkey: string
  }): Promise<{ origin: string; vkey: string }>
  /** Makes it the key that signs from now on; earlier ones are retired. */
  signWithHubKey(own: Uint8Array): Promise<void>
  /** Durable on return; storing it again changes nothing. */
  handOver(succession: SignedSuccession): Promise<void>
  /** The newest handovers from one key of the hub to the next, the oldest first. */
  successions(): Promise<readonly SignedSuccession[]>
  /** All that ever signed, the oldest first. */
  hubKeys(): Promise<
    readonly {
      readonly public_key: Uint8Array
      readonly created_at: Date
      readonly retired_at: Date | null
    }[]
  >
  /** Jobs that have settled since the ledger began and are not in it, the earliest first. */
  unrecorded(limit: number): Promise<readonly string[]>
  /** All of a job's receipts whose agents' keys are known. */
  receipts(jobId: string): Promise<readonly StoredReceipt[]>
  withheld(jobId: string): Promise<readonly WithheldDigests[]>
  /**
   * Appends in the given order, all or nothing; durable on return. A job that has a record already is passed over.
   * @returns indices of what was appended
   */
  append(entries: readonly NewLogEntry[]): Promise<readonly number[]>
  size(): Promise<number>
  /** Entries first … end - 1. @throws ForgeError INTERNAL when one is missing */
  leaves(
    first: number,
    end: number,
  ): Promise<readonly { readonly leaf: Uint8Array; readonly hash: Uint8Array }[]>
  /** Records of public jobs from an index on, ascending. */
  publicRecords(
    from: number,
    limit: number,
  ): Promise<readonly { readonly index: number; readonly job_id: string; readonly settled_at: Date }[]>
  /** The record of a job and its corrections, the earliest first. */
  ofJob(jobId: string): Promise<readonly LogEntry[]>
  head(): Promise<LogHead | undefined>
  noteAt(size: number): Promise<string | undefined>
  /**
   * Runs `work` while no other server of this database publishes. What it stores is durable once this returns.
   * @returns false when another one is at it
   */
  publishing(
    work: (head: LogHead | undefined, store: (head: LogHead) => Promise<void>) => Promise<void>,
  ): Promise<boolean>
  /** Replaces a head's note by the same with more cosignatures. */
  cosigned(head: LogHead): Promise<void>
}

/** Files of the ledger by the names that it serves them under. Written once; a name never gets other bytes. */
export interface TileStore {
  /** Durable on return, by name. @throws ForgeError CONFLICT when a name has other bytes: the ledger would have two pasts */
  put(files: ReadonlyMap<string, Uint8Array>): Promise<void>
  get(path: string): Promise<Uint8Array | undefined>
}
