import type { ClaimChallenge, ClaimProof } from '../kernel/claim.ts'
import type { HexDigest } from '../kernel/digest.ts'
import type { StartOptions } from './agent.ts'
import type { GovernorSettings } from './governor.ts'
import type { Proof } from './prove.ts'
import type { SensorReading } from './sensors.ts'
import type { AgentStatus } from './status.ts'

/** What the agent's worker exposes to the page, over Comlink. Everything is plain data but the callback. */
export interface AgentWorkerApi {
  start(options: StartOptions): void
  pause(): void
  resume(): void
  stop(): Promise<void>
  configure(settings: Partial<GovernorSettings>): void
  /** One subscriber: the client. It hears at most ten statuses a second, and always the last one. */
  subscribe(changed: (status: AgentStatus) => void): void
  sense(reading: SensorReading): void
  prove(): Promise<Proof>
  /** Signs an account's challenge with the key that is kept here; undefined when none is kept. */
  claim(challenge: ClaimChallenge): Promise<ClaimProof | undefined>
  /** A new key takes over from the one that is kept here, at the next start. @returns its id; undefined when none is kept */
  rotateKey(): Promise<HexDigest | undefined>
  /** SHA-256 of the public key that is kept here; undefined when none is kept. */
  agentId(): Promise<HexDigest | undefined>
}
