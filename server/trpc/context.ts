import type { AccountService } from '../core/accounts.ts'
import type { Actor } from '../core/actor.ts'
import type { BlobService } from '../core/blobs.ts'
import type { ChallengeService } from '../core/challenges.ts'
import type { CreditService } from '../core/credits.ts'
import type { DeviceService } from '../core/devices.ts'
import type { EmbedService } from '../core/embed.ts'
import type { HubNetwork } from '../core/hub-port.ts'
import type { JobService } from '../core/jobs.ts'
import type { OwnerService } from '../core/owners.ts'
import type { ProofService } from '../core/proofs.ts'
import type { SiteService } from '../core/sites.ts'
import type { TokenService } from '../core/tokens.ts'
import type { EvidenceService } from '../evidence/evidence.ts'

/** What the API serves from; the same for every request. */
export interface Services {
  readonly jobs: JobService
  readonly proofs: ProofService
  readonly evidence: EvidenceService
  readonly accounts: AccountService
  readonly owners: OwnerService
  readonly tokens: TokenService
  readonly devices: DeviceService
  readonly blobs: BlobService
  readonly sites: SiteService
  readonly embed: EmbedService
  readonly challenges: ChallengeService
  readonly credits: CreditService
  readonly hub: HubNetwork
}

/** Limits that procedures and routes name. */
export type ProcedureLimit = 'submit' | 'example' | 'password' | 'token' | 'embed_asked' | 'embed_consent'

export interface ApiContext {
  readonly actor: Actor
  /** Counts one for the caller. @throws ForgeError RATE_LIMITED */
  readonly limit: (name: ProcedureLimit) => Promise<void>
  readonly services: Services
}
