import type { JobRoom, NetworkView } from '../../kernel/api.ts'
import type { ForgeError } from '../../kernel/errors.ts'
import type { RecordKey } from '../../kernel/evidence/envelope.ts'
import type { OpRegistry } from '../../kernel/job.ts'
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
  /** The key that signs the leases of a new session; agents find it among those that the site publishes. */
  leaseKey(): Promise<RecordKey>
  readonly houseAgent: boolean
  /** Undefined: every op of the network. */
  readonly ops?: OpRegistry | undefined
  /** Which chunks are whose; without one this hub has them all. */
  readonly chunks?: ChunkQueue
  /** Most shards in one lease. */
  readonly leaseShards?: number | undefined
  readonly listener: HubListener
  /** Sees what the core hears and says. */
  readonly tap?: HubTap
  readonly log: (
    level: 'info' | 'warn' | 'error',
    message: string,
    fields?: Readonly<Record<string, unknown>>,
  ) => void
  /** The hub can no longer serve (a newer one owns the store): the process should end. */
  readonly fatal: (error: ForgeError) => void
  /** Monotonic milliseconds. */
  readonly now_ms?: () => number
}
