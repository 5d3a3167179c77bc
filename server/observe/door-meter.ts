import type { ErrorCode } from '../../kernel/errors.ts'

/** What the front door counts. Every word is the program's own, never a caller's. */
export interface DoorMeter {
  /** An HTTP request has been answered, or its caller has gone. */
  answered(area: string, status: number, elapsed_ms: number): void
  /** A rate limit has refused somebody. */
  limited(limit: string): void
  /** An agent's connection was ended for what came over it. */
  agentCut(why: string): void
  /** A call of an agent was answered with an error of this code. */
  agentRefused(code: ErrorCode): void
  /** A connection was closed before anything was read from it. */
  connectionRefused(why: 'address_full' | 'server_full'): void
}
