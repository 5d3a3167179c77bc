import type { HexDigest } from '../../../kernel/digest.ts'
import type { StoredReceipt, WithheldDigests } from '../../../kernel/evidence/assemble.ts'
import type { SignedSuccession } from '../../../kernel/succession.ts'

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
