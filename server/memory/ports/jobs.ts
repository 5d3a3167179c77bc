import type { JobPriority, JobState, ProgressView, Visibility } from '../../../kernel/api.ts'
import type { Contract } from '../../../kernel/contract.ts'
import type { HexDigest } from '../../../kernel/digest.ts'
import type { ForgeErrorJson } from '../../../kernel/errors.ts'
import type { CostKind } from '../../../kernel/price.ts'

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
