import type { Verify } from '../contract.ts'
import { invariant } from '../errors.ts'
import { type CheckedAgent, credibility, groupCredibilities } from './credibility.ts'
import { checkProbability } from './replication.ts'

/**
 * What a shard still needs before it is accepted, by the contract's verification and by what its agents have been found to
 * be. Which shards are audited is drawn by the hub's secret after their digests are committed: no agent can know it.
 */

/** The fraction of saboteurs that the modelled errors assume. */
export const SABOTEUR_FRACTION = 0.2

/** `full` also re-executes so many of the shards on which owners agree. */
export const FULL_SAMPLE = 0.05

/** What is known of the agent of a copy. */
export interface Standing extends CheckedAgent {
  /** It was found wrong and has been let in again: nothing rests on its word alone. */
  readonly isOnProbation: boolean
}

/**
 * What shards with one history of copies need next.
 * - `replicate`: a copy of one more distinct owner.
 * - `check`: the op's algebraic check of each.
 * - `close`: they are accepted, but each is first executed by the referee with probability `audit`.
 */
export type VerificationStep =
  | { readonly t: 'replicate' }
  | { readonly t: 'check' }
  | { readonly t: 'close'; readonly audit: number }

/** @param agreeing agents of the copies returned so far, which agree, of distinct owners; at least one */
export function verificationStep(verify: Verify, agreeing: readonly Standing[]): VerificationStep {
  const [first] = agreeing
  invariant(first !== undefined, 'a copy is back')
  switch (verify.mode) {
    case 'none':
      return { t: 'close', audit: 0 }
    case 'spotcheck':
      // A second owner has stood in for the audit.
      if (agreeing.length > 1) return { t: 'close', audit: 0 }
      return { t: 'close', audit: first.isOnProbation ? 1 : verify.rate }
    case 'quorum':
      return agreeing.length < verify.k ? { t: 'replicate' } : { t: 'close', audit: 0 }
    case 'full':
      return agreeing.length < 2 ? { t: 'replicate' } : { t: 'close', audit: FULL_SAMPLE }
    case 'algebraic':
      return { t: 'check' }
    case 'adaptive': {
      const believed = groupDoubt(agreeing) <= verify.epsilon
      // Two who are not believed: the referee's word makes both known sooner than a third stranger's.
      if (agreeing.length > 1) return { t: 'close', audit: believed ? 0 : 1 }
      const check = first.isOnProbation ? 1 : checkProbability(first.checks)
      return believed && check < 1 ? { t: 'close', audit: check } : { t: 'replicate' }
    }
    default:
      return verify satisfies never
  }
}

/** Probability that what these distinct owners agree on is wrong, as Sarmenta models it. */
export function groupDoubt(agreeing: readonly CheckedAgent[]): number {
  const right = groupCredibilities([agreeing.map((agent) => credibility(agent, SABOTEUR_FRACTION))])[0] ?? 0
  return 1 - right
}
