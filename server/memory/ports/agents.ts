import type { ProbeReport } from '../../../kernel/probe-report.ts'
import type { ExecutorKind } from '../../../kernel/receipt.ts'

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
