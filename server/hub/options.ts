import type { JobRoom, NetworkView } from '../../kernel/api.ts'
import type { ForgeError } from '../../kernel/errors.ts'
import type { AgentStore, BlobStore, JobStore, ResultStore } from '../memory/ports.ts'
import type { TrustStore } from '../memory/trust-store.ts'
import type { ChunkQueue } from './chunk-queue.ts'
import type { Referee } from './referee/referee.ts'
import type { HubTap } from './tap.ts'

export type HubLog = (
  level: 'info' | 'warn' | 'error',
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void

export interface HubListener {
  jobChanged(jobId: string, room: JobRoom): void
  networkChanged(stats: NetworkView): void
}

export interface HubOptions {
  readonly jobs: JobStore
  readonly results: ResultStore
  readonly blobs: BlobStore
  readonly agents: AgentStore
  readonly trust: TrustStore
  readonly referee: Referee
  readonly houseAgent: boolean
  /** The queue that says which chunks are whose; its claims fence what `results` takes from the hub of that epoch. */
  readonly chunks: (epoch: number) => ChunkQueue
  /** Most shards in one lease. */
  readonly leaseShards?: number
  readonly listener: HubListener
  /** Sees what the core hears and says. */
  readonly tap?: HubTap
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ) => void
  /** The hub can no longer serve (the database does not know it any more): the process should end. */
  readonly fatal: (error: ForgeError) => void
  /** Monotonic milliseconds. */
  readonly now_ms?: () => number
}
