import type { Verify } from '../contract.ts'
import { invariant } from '../errors.ts'
import { power } from './binomial.ts'
import type { Standing } from './policy.ts'
import { checkProbability } from './replication.ts'

/**
 * Canaries: leases whose right answer is known, which nobody can tell from work. Source of the formulas: Sarmenta,
 * "Sabotage-tolerance mechanisms for volunteer computing systems", FGCS 18(4), 2002, sections on spot-checking: "spotter
 * works" that the master gives with probability q, and shuts out whoever fails one.
 */

/** Share of the leases of an agent on probation that are canaries. */
const PROBATION_CANARIES = 0.1
/** … and of one whose word alone may close a shard. */
const CANARY_FLOOR = 0.01

/**
 * Probability that an agent's next lease of such a job is a canary. None where every result is checked anyway, by another
 * owner, the referee or an algebraic check, or where the submitter asked for no check.
 */
export function canaryRate(verify: Verify, agent: Standing): number {
  if (verify.mode !== 'adaptive' && verify.mode !== 'spotcheck') return 0
  if (agent.isOnProbation) return PROBATION_CANARIES
  return verify.mode === 'adaptive' && checkProbability(agent.checks) >= 1 ? 0 : CANARY_FLOOR
}

/** Probability that a saboteur is not found in n results: (1 - q s)^n. @param q share of canaries @param s of wrong results */
export function canarySurvival(q: number, s: number, n: number): number {
  invariant(q >= 0 && q <= 1 && s >= 0 && s <= 1, 'two shares')
  return power(1 - q * s, n)
}

/**
 * Probability that a result is wrong after n results of each agent, when whoever fails a canary is shut out:
 * s f (1 - q s)^n / ((1 - f) + f (1 - q s)^n).
 * @param q share of canaries @param n results of each agent @param f share of saboteurs at first @param s of wrong results
 */
export function canaryError(q: number, n: number, f: number, s: number): number {
  invariant(f >= 0 && f < 1, 'a share of saboteurs below 1')
  const left = f * canarySurvival(q, s, n)
  return (s * left) / (1 - f + left)
}
