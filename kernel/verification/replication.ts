import { invariant } from '../errors.ts'

/**
 * Adaptive replication. Source: BOINC's `hav.consecutive_valid` (sched/sched_types.h and the validator), described in
 * Anderson, "BOINC: A Platform for Volunteer Computing", J. Grid Computing 18 (2020), section 4.2; the audit floor is ours.
 */

/** Consecutive valid results, each checked by another copy, before an agent's results may stand alone. */
export const REPLICATION_GATE = 10

/** Of results that would stand alone so many are audited at least: trust must not end the checks. */
export const AUDIT_FLOOR = 0.05

/** Probability that a result of an agent with so many consecutive checked results is checked: 1 before the gate. */
export function checkProbability(consecutiveValid: number): number {
  invariant(Number.isSafeInteger(consecutiveValid) && consecutiveValid >= 0, 'a count')
  if (consecutiveValid < REPLICATION_GATE) return 1
  const replicated = 1 / consecutiveValid
  return replicated > AUDIT_FLOOR ? replicated : AUDIT_FLOOR
}
