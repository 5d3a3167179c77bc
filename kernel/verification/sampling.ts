import { invariant } from '../errors.ts'
import { binomialCdf, power } from './binomial.ts'

/** What re-executing a sample, voting and distinct owners can and cannot find. Pure probabilities. */

/**
 * A majority of 2m - 1 votes is wrong: sum_{j=m}^{2m-1} C(2m-1, j) phi^j (1-phi)^(2m-1-j). Source: Sarmenta, "Sabotage-
 * tolerance mechanisms for volunteer computing systems", FGCS 18(4), 2002, equation 1.
 * @param m votes of the majority @param phi probability that one result is wrong, independent of the others
 */
export function votingError(m: number, phi: number): number {
  invariant(Number.isSafeInteger(m) && m >= 1, 'a majority has a vote')
  // m or more wrong of 2m - 1 are m - 1 or fewer right.
  return binomialCdf(m - 1, 2 * m - 1, 1 - phi)
}

/** Probability that k uniformly drawn re-executions miss a fraction f of wrong shards: (1 - f)^k. */
export function samplingMiss(fraction: number, checks: number): number {
  return power(1 - fraction, checks)
}

/** Wrong results that an agent returns on average before the first is audited, each with probability q: (1 - q) / q. */
export function resultsBeforeCaught(auditRate: number): number {
  invariant(auditRate > 0 && auditRate <= 1, 'an audit rate above 0')
  return (1 - auditRate) / auditRate
}

/** Probability that all m replicas of a random group belong to a colluding fraction f of the owners: f^m. */
export function captureProbability(fraction: number, replicas: number): number {
  return power(fraction, replicas)
}
