import type { Leaves } from '../../../kernel/leaves.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'
import type { CheckFindings } from '../../../kernel/verification/job-bound.ts'
import type { LiveStanding } from '../../../kernel/verification/reputation.ts'
import type { FairQueue, Sharer } from './fair-queue.ts'
import type { JobPhase, RunStage } from './lifecycle.ts'
import { type Linked, LinkedList } from './linked-list.ts'
import type { RangeHeap } from './range-heap.ts'
import type { SmallSet } from './small-set.ts'
import { type Timer, TimerWheel } from './timers.ts'
import type { VerifyPolicy } from './verify-policy.ts'
import type { VoiceQueues } from './voice-queues.ts'

/**
 * What the hub's core knows. A job's shards are cut into chunks, of which this hub owns some; inside an owned chunk a
 * shard is **fresh** (in a range of `job.fresh`), in one **run** (in `chunk.runs`), or accepted (a bit of
 * `chunk.accepted`). A run is a row of neighbouring shards that share one history of copies; it is split only when a
 * lease, a dispute or the referee takes a part of it. Everything that a step looks for is found through an index, so
 * a step costs the same however many shards, leases and sessions there are.
 */

/** Agents of one kind. */
export interface FleetCount {
  /** Sessions of agents that are not blocked. */
  connected: number
  listening: number
  /** Listening ones whose speed is not known. */
  unknown: number
  /** Of listening ones whose speed is known. */
  units_per_ms: number
}

/** What agents have in common: executor, memory, and the causes that their contributors chose. */
export interface Offer {
  readonly key: string
  readonly kind: 'cpu' | 'gpu'
  /** The largest operand or output that they hold, as a power of two of bytes. */
  readonly memory_log2: number
  /** Families of ops; undefined: all. */
  readonly causes: ReadonlySet<string> | undefined
  /** Sessions with this offer. */
  sessions: number
  readonly count: FleetCount
  /** Agents that would take a lease and found nothing: offered again when something turns up. */
  readonly idle: VoiceQueues<HubSession>
}

/** What a job asks of an agent. */
export interface Needs {
  readonly target: 'any' | 'cpu' | 'gpu'
  /** Family of its op. */
  readonly cause: string
  /** Its largest operand or output, as a power of two of bytes. */
  readonly memory_log2: number
}

/** Jobs that need the same. */
export interface Lane {
  readonly key: string
  readonly needs: Needs
  /** Unfinished ones. */
  jobs: number
  /** Owners with such a job that has something to lease. */
  readonly turns: FairQueue<OwnerShare>
}

/** One execution of a run: promised by a lease, then returned. */
export interface Copy {
  readonly lease_id: string
  readonly session: string
  readonly agent: string
  readonly owner: string
  readonly network: string | undefined
  readonly executor: ExecutorKind
  /** 32 bytes a shard once returned. */
  readonly digests: Uint8Array | undefined
  /** Kept by the first returned copy only: agreeing copies have the same bytes, and a dispute goes to the referee. */
  readonly leaves: Leaves | undefined
}

export interface Run extends Linked<Run> {
  readonly chunk: HubChunk
  first: number
  count: number
  stage: RunStage
  copies: readonly Copy[]
  /** Copies of distinct owners that it needs as far as is known now. */
  wanted: number
  /** When the first copy came back; undefined before. */
  returned_ms: number | undefined
  /** When the newest copy was promised, and by when it may be given to somebody else as well. */
  promised_ms: number
  straggles_ms: number
  /** Looks after a copy that no second owner gives. */
  timer: Timer<Deadline> | undefined
  /** Shards, counted from `first` and ascending, that the referee is to execute before the run closes. */
  sample: readonly number[]
  /** The sample was drawn from all alike, so that it says something about those that were not drawn. */
  uniform: boolean
  /** What this run adds to its job's counters while it stands in one of its queues. */
  queued: { readonly kinds: KindMask; readonly missing: number } | undefined
}

/** Kinds of executors among a run's copies: 1 CPU, 2 GPU, 3 both. */
export type KindMask = 1 | 2 | 3

/** A run of a job's shards that one hub owns, fenced by `epoch`. Forgotten when all its shards are durable. */
export interface HubChunk {
  readonly job: HubJob
  readonly number: number
  readonly first: number
  readonly count: number
  readonly epoch: number
  /** One bit a shard, counted from `first`. */
  readonly accepted: Uint8Array
  readonly runs: Set<Run>
  accepted_count: number
  /** Accepted and durable. */
  durable_count: number
  isOwned: boolean
  timer: Timer<Deadline> | undefined
}

/** What the core knows of a job: everything it needs to lease and verify, nothing of what the job computes. */
export interface HubJob extends Sharer, Needs {
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
  readonly verify: VerifyPolicy
  lane: Lane
  /** Digests of its operands: who has them need not fetch them. */
  readonly operands: readonly string[]
  /** Among its owner's jobs; those of more get more. */
  weight: number
  /** Its owner wants no new leases of it for now. */
  isPaused: boolean
  /** When it was last taken up again. */
  resumed_ms: number
  /** Nothing is leased before so many fitting agents are connected. */
  readonly min_agents: number
  /** At most so many agents hold leases at once. */
  readonly max_agents: number
  /** Of a job with a target: where it may stop, ascending, the last at all shards. Empty: it does not stop early. */
  readonly look_ends: readonly number[]
  /** Looks that the shell has seen and that did not stop the job. */
  looks_passed: number
  /** Shards that the result covers, once a look has stopped the job. */
  stopped_at: number | undefined
  phase: JobPhase
  timer: Timer<Deadline> | undefined
  readonly chunks: Map<number, HubChunk>
  /** Untouched shards of owned chunks. */
  readonly fresh: RangeHeap<HubChunk>
  fresh_count: number
  /** Runs that want a copy which nobody has promised, by the kinds of executors that have begun them. */
  readonly waiting: Readonly<Record<KindMask, VoiceQueues<Run>>>
  /** Shards in `waiting`, by kinds. */
  readonly waiting_shards: Record<KindMask, number>
  /** Copies of shards that nobody has promised, fresh shards left out. */
  missing_copies: number
  /** Runs all of whose copies are promised and some not back, the oldest promise first. */
  readonly flying: LinkedList<Run>
  /** Shards in runs. */
  touched_count: number
  /** Leaf bytes held for runs that are not closed. */
  pending_bytes: number
  /** Accepted shards of its chunks that are not durable yet. */
  unstored_count: number
  /** Shards in those of its leases that count as promised. */
  promised_count: number
  /** How long such a lease counts, of late: until its result, or until it is overdue. */
  held_ms: number
  /** Shards that have become durable since `stored_since_ms`, and a millisecond before. */
  stored_count: number
  stored_since_ms: number
  stored_per_ms: number
  /** An agent was refused fresh shards because too much waits for storage. */
  isHeldBack: boolean
  /** Agents connected to other hubs that could work for it; they count towards `min_agents`. */
  connected_elsewhere: number
  /** Leases by agent. */
  readonly workers: Map<string, number>
  leases: number
  /** Fresh shards granted since `granted_since_ms`, and a second before: how far ahead chunks are claimed follows. */
  granted_count: number
  granted_since_ms: number
  granted_per_s: number
  /** Shards of the chunk claimed last; 0 before. */
  chunk_shards: number
  isClaiming: boolean
  /** Shards of agents found wrong that wait to be executed again; the job does not end before. */
  readonly suspects: ShardSpan[]
  /** In `suspects` or in the referee's hands. */
  suspect_count: number
  /** Every chunk is done. */
  isDrained: boolean
  /** What its checks have found since it was last stored. */
  findings: CheckFindings
  /** Runs of which the referee's word is known, the newest at `known_next` - 1, around. */
  readonly known: KnownRun[]
  known_next: number
  /** Leases of it that ask what is known. */
  readonly canaries: Set<HubLease>
  /** True when the queue had no more chunks to give. */
  isExhausted: boolean
}

export interface HubSession extends Linked<HubSession> {
  readonly id: string
  readonly agent: HubAgent
  readonly owner: string
  readonly network: string | undefined
  readonly executor: ExecutorKind
  readonly offer: Offer
  readonly window: number
  /** Jobs with operands of which it had leases, the latest last. */
  local: readonly HubJob[]
  /** How far in its latest job its leases have come. */
  reached: { readonly job: HubJob; end: number } | undefined
  readonly held: SmallSet<HubLease>
  /** Work units per millisecond; undefined until known. */
  speed: number | undefined
  speed_measured: boolean
  /** Share of its pace that its leases have: less for an agent that loses leases. */
  pace_share: number
  /** Whether the agent listens for leases now. */
  listening: boolean
  /** When it last gave a result: what it holds besides was waiting until then. */
  returned_ms: number
  /** Ends the session when its connection is lost for long. */
  timer: Timer<Deadline> | undefined
  /** What it adds to the counters of the fleet. */
  counted: { readonly listening: boolean; readonly speed: number | undefined } | undefined
}

/** Everything that hangs on one agent's key. */
export interface HubAgent {
  readonly id: string
  readonly sessions: SmallSet<HubSession>
  /** Open runs with a copy of this agent. */
  readonly runs: SmallSet<Run>
  /** What checks have found of it, by the executor that it used. */
  readonly standings: Record<ExecutorKind, LiveStanding | undefined>
}

export interface HubLease extends Linked<HubLease> {
  readonly id: string
  /** Number in this hub's life. */
  readonly number: number
  readonly job: HubJob
  readonly session: HubSession
  readonly first: number
  readonly count: number
  readonly granted_ms: number
  readonly deadline_ms: number
  timer: Timer<Deadline> | undefined
  /** Its shards that are not closed: one run, more after a split; of a canary none. */
  readonly runs: SmallSet<Run>
  readonly canary: Canary | undefined
}

/** A run of which the referee has executed some shards: what it said of them can be asked again. */
export interface KnownRun {
  readonly first: number
  readonly count: number
  /** Those shards, counted from the run's first, ascending; 32 bytes each. */
  readonly places: readonly number[]
  readonly digests: Uint8Array
  /** Voices of those who have computed it or were asked before, and would know it again. */
  readonly voices: Set<string>
}

/** What a lease must give whose answer is known in part. */
export interface Canary {
  readonly known: KnownRun
  /** From the first to before the end of the known run's places that lie in the lease. */
  readonly from: number
  readonly to: number
}

/** The jobs of one submitter in one lane: owners take turns first, then each owner's jobs. */
export interface OwnerShare extends Sharer {
  readonly owner: string
  readonly lane: Lane
  readonly jobs: FairQueue<HubJob>
}

/** All that an owner of jobs was served, and where his jobs stand. */
export interface OwnerAccount {
  readonly owner: string
  served: number
  /** Unfinished ones. */
  jobs: number
  /** By lane. */
  readonly shares: Map<string, OwnerShare>
}

export type Deadline =
  | { readonly t: 'lease'; readonly lease: HubLease }
  | { readonly t: 'session'; readonly session: HubSession }
  | { readonly t: 'job'; readonly job: HubJob }
  | { readonly t: 'run'; readonly run: Run }
  | { readonly t: 'chunk'; readonly chunk: HubChunk; readonly lease_ms: number }

/** A part of a request to the referee: all of a run, or a sample of it. */
export interface RefereeItem {
  readonly run: Run
  /** The run's sample when the request was made. */
  readonly sample: readonly number[]
  readonly shards: readonly number[]
}

export type ShardSpan = { first: number; count: number }

export interface HubOptions {
  /** Key of the draws that decide what is audited: hub-secret, or agents could tell audits apart. */
  readonly draw_key: readonly [number, number]
  /** Most shards in one lease. */
  readonly lease_shards: number
  /** Bytes of one job that may wait for storage: see HUB.unstored_bytes. */
  readonly unstored_bytes: number
}

export interface HubState {
  readonly epoch: number
  readonly options: HubOptions
  now_ms: number
  /** Nothing is leased or claimed any more. */
  isDraining: boolean
  readonly jobs: Map<string, HubJob>
  readonly sessions: Map<string, HubSession>
  readonly leases: Map<string, HubLease>
  /** Leases of shards that were fresh, the oldest first, without those that are overdue. */
  readonly promised: LinkedList<HubLease>
  readonly agents: Map<string, HubAgent>
  /** Agents whose result was wrong, with the reason: no more work in this hub's life. */
  readonly blocked: Map<string, string>
  readonly offers: Map<string, Offer>
  /** Agents of each owner, of each network, and of each owner in each network (fleet.ts). */
  readonly crowds: Map<string, Map<Offer, FleetCount>>
  readonly lanes: Map<string, Lane>
  readonly accounts: Map<string, OwnerAccount>
  /** Agents that would take a lease, by how many they hold. */
  readonly hungry: readonly LinkedList<HubSession>[]
  readonly timers: TimerWheel<Deadline>
  /** Runs that the referee is to close, and runs that it is to sample. */
  readonly disputes: LinkedList<Run>
  readonly audits: LinkedList<Run>
  readonly refereeing: Map<number, readonly RefereeItem[]>
  /** Jobs with suspects, and requests to the referee for them. */
  readonly suspected: Set<HubJob>
  readonly rechecking: Map<number, { readonly job: HubJob; readonly count: number }>
  next_request: number
  next_lease: number
  next_order: number
  next_draw: number
}

/** Leases that one agent may hold, as the protocol limits its window. */
const WINDOW_MAX = 8

export function initialState(epoch: number, options: HubOptions): HubState {
  return {
    epoch,
    options,
    now_ms: 0,
    isDraining: false,
    jobs: new Map(),
    sessions: new Map(),
    leases: new Map(),
    promised: new LinkedList(),
    agents: new Map(),
    blocked: new Map(),
    offers: new Map(),
    crowds: new Map(),
    lanes: new Map(),
    accounts: new Map(),
    hungry: Array.from({ length: WINDOW_MAX }, () => new LinkedList<HubSession>()),
    timers: new TimerWheel(),
    disputes: new LinkedList(),
    audits: new LinkedList(),
    refereeing: new Map(),
    suspected: new Set(),
    rechecking: new Map(),
    next_request: 1,
    next_lease: 1,
    next_order: 1,
    next_draw: 0,
  }
}

export function emptyCount(): FleetCount {
  return { connected: 0, listening: 0, unknown: 0, units_per_ms: 0 }
}

/** Whether the shard, counted from the chunk's first, is accepted. */
export function isAccepted(chunk: HubChunk, offset: number): boolean {
  return ((chunk.accepted[offset >> 3] ?? 0) & (1 << (offset & 7))) !== 0
}
