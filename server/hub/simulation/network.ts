import type { UnsignedMessage } from '../../../kernel/protocol.ts'
import type { HubEvent } from '../core/events.ts'
import type { HubState } from '../core/state.ts'
import type { EventQueue } from './event-queue.ts'
import type { Random } from './random.ts'
import type { Reputations } from './reputations.ts'
import type { Scenario, SimJob } from './scenario.ts'
import type { Store } from './store.ts'

/** What hubs and agents of a simulated network know of each other and of the world around them. */

export interface SimHub {
  readonly isUp: boolean
  /** Number of its present life, unique among all hubs; 0 while it is down. */
  readonly life: number
  readonly state: HubState | undefined
  /** One step and its effects. @returns what the hub answers to a result */
  tell(event: HubEvent): 'received' | 'not_held' | undefined
}

export interface Listener {
  hear(session: string, message: UnsignedMessage): void
  dropped(session: string): void
}

export interface Network {
  readonly scenario: Scenario
  readonly random: Random
  readonly queue: EventQueue
  readonly hubs: readonly SimHub[]
  readonly store: Store
  readonly trust: Reputations
  steps: number
  leases: number
  crashes: number
  refereed: number
  /** Results that were broken in themselves, and refused. */
  broken: number
  /** How often a job was held back for want of room, and how often fresh shards of it were leased after that. */
  held_back: number
  went_on: number
  /** How often a hub died before an effect of each kind. */
  readonly crashedBefore: Map<string, number>
  /** Milliseconds until the database answers again; 0 while it does. */
  readonly away_ms: number
  fail(message: string): never
  note(what: string): void
  after(delay_ms: number, run: () => void): void
  networkDelay(): number
  newLife(): number
  newCommit(): number
  newSession(agent: Listener): string
  /** Adds to what the lease's agent has been told of. @returns all of it */
  told(lease_id: string, shards: number): number
  deliver(hub: SimHub, session: string, message: UnsignedMessage): void
  sessionDropped(session: string): void
  tellAll(event: HubEvent): void
  /** At once, or when they next look. */
  tellOthers(hub: SimHub, event: HubEvent): void
  /** What the durable prefix of a job with a target says, told to every hub. */
  looked(job_id: string): void
  jobOf(contract_hash: string): {
    readonly truth: Uint8Array
    readonly job: SimJob
    /** Whether a wrong result counts only where others say the same. */
    readonly compares: boolean
  }
}
