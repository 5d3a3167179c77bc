import { invariant } from '../errors.ts'

/**
 * How far a result can be believed, from the checks that its agents have passed. Source of the formulas: Sarmenta,
 * "Sabotage-tolerance mechanisms for volunteer computing systems", Future Generation Computer Systems 18(4), 2002,
 * section 4. They assume that at most a fraction f of the agents sabotages, each at a rate that does not change.
 */

/** 1 / e as the nearest double. */
const INVERSE_E = 0.36787944117144233

export interface CheckedAgent {
  /** Consecutive results of the agent that a check found right: one found wrong resets them, one unchecked adds none. */
  readonly checks: number
  /**
   * Whether being found out costs the agent anything. A key that costs nothing comes back under another name, so that a
   * wrong result does not end its part.
   */
  readonly blacklistable: boolean
}

/**
 * Probability that a result of the agent is right: 1 - f without a check; after k checks 1 - f / ((1 - f) k e) where
 * saboteurs are shut out, 1 - f / k where they come back.
 * @param f assumed fraction of saboteurs, below 1
 */
export function credibility({ checks, blacklistable }: CheckedAgent, f: number): number {
  invariant(f >= 0 && f < 1 && Number.isSafeInteger(checks) && checks >= 0, 'a fraction and a count')
  if (checks === 0) return 1 - f
  const doubt = blacklistable ? (INVERSE_E * f) / ((1 - f) * checks) : f / checks
  return 1 - (doubt < f ? doubt : f)
}

/** The checks after which one result alone is believed with probability 1 - epsilon. */
export function checksForSingle(epsilon: number, f: number, blacklistable: boolean): number {
  invariant(epsilon > 0 && f >= 0 && f < 1, 'an error above 0')
  if (f <= epsilon) return 0
  return Math.ceil(blacklistable ? (INVERSE_E * f) / ((1 - f) * epsilon) : f / epsilon)
}

/**
 * Probability that each group of agreeing results is the right one:
 *   P(a) = G_a prod_{i != a} B_i / (prod_i B_i + sum_j G_j prod_{i != j} B_i),
 * G the product of the group's credibilities and B that of their complements.
 * @param groups credibilities of the results of one shard, by what they say; owners and networks are distinct
 */
export function groupCredibilities(groups: readonly (readonly number[])[]): readonly number[] {
  const good = groups.map((group) => group.reduce((product, one) => product * one, 1))
  const bad = groups.map((group) => group.reduce((product, one) => product * (1 - one), 1))
  const others = (at: number) => bad.reduce((product, one, i) => (i === at ? product : product * one), 1)
  const joint = good.map((g, at) => g * others(at))
  const total = joint.reduce(
    (sum, one) => sum + one,
    bad.reduce((product, one) => product * one, 1),
  )
  // All of them certain, and in contradiction: nothing is known.
  return joint.map((one) => (total === 0 ? 0 : one / total))
}
