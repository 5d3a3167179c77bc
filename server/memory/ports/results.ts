import type { AcceptedRun, AcceptedShard } from '../../../kernel/acceptance.ts'
import type { WorkDone } from '../../../kernel/bill.ts'
import type { WithheldDigests } from '../../../kernel/evidence/assemble.ts'
import type { Receipt } from '../../../kernel/receipt.ts'
import type { CheckFindings } from '../../../kernel/verification/job-bound.ts'

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
