import type { JobRoom, JobState, NetworkView } from '../../kernel/api.ts'
import type { ForgeError } from '../../kernel/errors.ts'
import type { RecordKey } from '../../kernel/evidence/envelope.ts'
import type { OpRegistry } from '../../kernel/job.ts'
import type { ClusterStore } from '../memory/cluster-store.ts'
import type { MessageBus } from '../memory/message-bus.ts'
import type { AgentStore } from '../memory/ports/agents.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import type { TrustStore } from '../memory/trust-store.ts'
import type { ResultChecker } from './checking/checker.ts'
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
  /** Whether somebody watches the job; figures of what nobody watches are not made. Undefined: somebody always does. */
  watchesJob?(jobId: string): boolean
  watchesNetwork?(): boolean
  /** A running job has changed that nobody watches. */
  jobMoved?(jobId: string): void
  /** Another hub has ended the job, or it ended before it was admitted here: what it was in the end stands in the database. */
  jobLetGo?(jobId: string, state: JobState): void
  /** The job has become public or private, at this hub or another one. */
  jobShown?(jobId: string): void
  /** A person's session has ended, at this hub or another one. @param session its id */
  personLeft?(session: string): void
}

export interface HubOptions {
  readonly jobs: JobStore
  readonly results: ResultStore
  readonly blobs: BlobStore
  readonly agents: AgentStore
  readonly trust: TrustStore
  readonly referee: Referee
  readonly checker: ResultChecker
  /** The key that signs the leases of a new session; agents find it among those that the site publishes. */
  leaseKey(): Promise<RecordKey>
  readonly houseAgent: boolean
  /** Of the pool: its hubs know each other's sessions by it. Undefined: this hub's alone. */
  readonly secret?: string
  /** Undefined: every op of the network. */
  readonly ops?: OpRegistry | undefined
  /** The queue that says which chunks are whose; its claims fence what `results` takes from the hub of that epoch. */
  readonly chunks: (epoch: number) => ChunkQueue
  /** The other hubs of the store; without it this one takes itself for alone. */
  readonly cluster?: { readonly store: ClusterStore; readonly bus: MessageBus }
  /** Socket by which agents reach this very hub: others name it when they stop. */
  readonly address?: string | undefined
  /** Shards of one chunk; undefined: by the job's size. The same for every hub of a store. */
  readonly chunkShards?: number
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
  /** The hub can no longer serve (the database does not know it any more): the process should end. */
  readonly fatal: (error: ForgeError) => void
  /** Monotonic milliseconds. */
  readonly now_ms?: () => number
}
