import type { ExecutorKind } from '../kernel/receipt.ts'
import type { GovernorSettings } from './governor.ts'
import type { ExecutorReport } from './select.ts'

/**
 * What the owner sees of the agent. Idle: not started, or stopped. Probing: executors are being checked. Connecting: no
 * live connection to the hub, `reason` says why when one failed. Running: connected, computing or waiting for work.
 * Paused, offline: `reason` says why. Failed: it ended by itself, `reason` says why.
 */
export type AgentState = 'idle' | 'probing' | 'connecting' | 'running' | 'paused' | 'offline' | 'failed'

export interface AgentEvent {
  /** Counts up by one. */
  readonly id: number
  /** Milliseconds since 1970. */
  readonly at: number
  readonly kind: 'info' | 'work' | 'problem'
  readonly text: string
}

/** Plain data: it crosses the worker boundary as it is. */
export interface AgentStatus {
  readonly state: AgentState
  readonly reason: string | null
  /** The one that computes, and why it is this one. */
  readonly executor: { readonly kind: ExecutorKind; readonly label: string; readonly why: string } | null
  /** Everything that was found out about executors at the last start. */
  readonly probe: readonly ExecutorReport[]
  readonly agent_id: string | null
  /** Who the hub counts this agent for. */
  readonly owner: string | null
  /** The lease being executed; null while there is none. */
  readonly current: {
    readonly op: string
    readonly first: number
    readonly count: number
    readonly done: number
  } | null
  readonly shards_done: number
  readonly shards_accepted: number
  readonly leases_returned: number
  /** Over the last few seconds of work. */
  readonly shards_per_s: number
  readonly work_units_per_s: number
  readonly settings: GovernorSettings
  /** Most CPU threads that may be allowed on this device. */
  readonly threads_max: number
  /** Newest last. */
  readonly events: readonly AgentEvent[]
}
