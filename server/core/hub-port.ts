import type {
  AgentView,
  JobPriority,
  JobRoom,
  JobWaiting,
  NetworkView,
  ProgressView,
} from '../../kernel/api.ts'
import type { HexDigest } from '../../kernel/digest.ts'
import type {
  EnrolInput,
  EnrolOutput,
  HubMessage,
  ReleaseInput,
  ResultOutput,
} from '../../kernel/protocol.ts'
import type { ReceivedResult } from '../../kernel/protocol-result.ts'
import type { JobRow } from '../memory/ports/jobs.ts'

/** What services, routers and rooms ask of the hub. The hub's shell provides it; tests may stand in for it. */

/** Where an agent speaks from, and for whom. */
export interface AgentConnection {
  /** Prefix of the public address that it speaks from; undefined where that says nothing. */
  readonly network: string | undefined
  readonly ownerId: string
  readonly ownerLabel: string
  /** The node token that named the owner. */
  readonly tokenId?: string | undefined
  /** Absent for an agent that runs for itself. */
  readonly site?: SiteConnection | undefined
}

/** The partner's site in whose page an agent runs, and the visitor's consent to it. */
export interface SiteConnection {
  readonly siteId: string
  /** SHA-256 of the consent's token. */
  readonly consent: HexDigest
}

/** A live session, as those who may end it know it. */
export interface AgentSession extends Omit<AgentConnection, 'network'> {
  /** SHA-256 of the public key. */
  readonly agent: string
}

export interface HubSessions {
  enrol(input: EnrolInput, connection: AgentConnection): Promise<EnrolOutput>
  /** What the hub says to the agent, from now on or from the last message that it has seen. @returns stops listening */
  listen(
    input: { readonly session: string; readonly lastEventId?: string | null | undefined },
    listener: {
      message(id: string, message: HubMessage): void
      /** Nothing more will come. */
      ended(): void
    },
  ): () => void
  contract(session: string, contractHash: string): Promise<{ canonical: string }>
  result(input: ReceivedResult): Promise<ResultOutput>
  release(input: ReleaseInput): Promise<void>
  /** Whether an agent speaks in it: here, or at another hub that is there. */
  knowsSession(session: string): Promise<boolean>
  /** Every session of an agent in the page of a partner's site. */
  sessions(): readonly AgentSession[]
  /**
   * Ends for good every session that `which` names: its agent hears the reason and stops, its leases go to others.
   * What it has returned stays. @returns how many were ended
   */
  endAgentSessions(which: (session: AgentSession) => boolean, reason: string): number
}

export interface HubJobs {
  /** After the row is stored. */
  admit(job: JobRow): Promise<void>
  /** @returns false when the job is not here (it has ended, or never was) */
  cancel(jobId: string): Promise<boolean>
  /** After the store knows it. */
  pause(jobId: string, isPaused: boolean): void
  prioritise(jobId: string, priority: JobPriority): void
  progress(jobId: string): ProgressView | undefined
  /** Why no agent works for a job now that the hub has. */
  waiting(jobId: string): JobWaiting | undefined
}

export interface HubNetwork {
  /** Number of this hub's start. */
  readonly epoch: number
  network(): NetworkView
  /** Connected agents; each shows its owner to `viewer` alone, if he is the one. */
  agents(viewer?: string): readonly AgentView[]
  /** What watchers of a running job see; undefined when it is not running here. */
  room(jobId: string): JobRoom | undefined
}
