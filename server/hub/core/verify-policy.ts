import type { Verify } from '../../../kernel/contract.ts'
import { chargedCopies } from '../../../kernel/price.ts'

/** How the submitter wants shards verified: his contract's `verify`. */
export type VerifyPolicy = Verify

/** Copies that a run is given from the start, before any is back: what its agents' history asks for comes later. */
export function plannedCopies(verify: VerifyPolicy): number {
  if (verify.mode === 'quorum') return verify.k
  return verify.mode === 'full' ? 2 : 1
}

/** Copies of a shard that the submitter pays for at most. */
export function copiesPaid(verify: VerifyPolicy): number {
  return chargedCopies(verify)
}

/** Without verification there is nothing in which his own agents could favour a submitter. */
export function excludesSubmitter(verify: VerifyPolicy): boolean {
  return verify.mode !== 'none'
}
