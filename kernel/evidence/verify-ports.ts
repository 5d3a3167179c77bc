import type { OpRegistry } from '../job.ts'
import type { VerifySignature } from '../ledger/signed-note.ts'

/** What a verifier brings along. */
export interface VerifyPorts {
  readonly verifySignature: VerifySignature
  readonly ops: OpRegistry
}
