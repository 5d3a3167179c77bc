import { invariant } from '../errors.ts'
import type { Standing } from './policy.ts'

/**
 * What an agent's history is worth as time passes, and its way back after a wrong result. Kept for each key and executor: a
 * broken driver says nothing about the same machine's CPU.
 *
 * A wrong result ends all credibility and puts the executor into **quarantine**: it is refused for a term that doubles with
 * every wrong result. After the term, or once in a day at its owner's word that it is mended, it may enrol again with a
 * conformance probe that passes, **on probation**: everything of it is checked by others until it has passed so many checks.
 */

/** Checks count half after so many days without one: hardware ages and owners change. */
const HALF_LIFE_DAYS = 30
const FIRST_TERM_HOURS = 1
const LONGEST_TERM_HOURS = 7 * 24
/** Checks to pass on probation; twice as many after an appeal, which shortens the term. */
const PROBATION_CHECKS = 100
export const APPEAL_INTERVAL_HOURS = 24

/** Whole half-lives that have passed halve the checks, rounded down. */
export function checksAfter(checks: number, idleDays: number): number {
  invariant(checks >= 0 && idleDays >= 0, 'a history lies in the past')
  const halvings = Math.floor(idleDays / HALF_LIFE_DAYS)
  return halvings > 52 ? 0 : Math.floor(checks / 2 ** halvings)
}

/** @param invalid wrong results so far, at least 1 */
export function quarantineHours(invalid: number): number {
  invariant(Number.isSafeInteger(invalid) && invalid >= 1, 'a wrong result')
  const doubled = FIRST_TERM_HOURS * 2 ** (invalid > 16 ? 16 : invalid - 1)
  return doubled < LONGEST_TERM_HOURS ? doubled : LONGEST_TERM_HOURS
}

export function probationChecks(hasAppealed: boolean): number {
  return hasAppealed ? 2 * PROBATION_CHECKS : PROBATION_CHECKS
}

/** An agent's standing while the hub works with it, changed in place. */
export interface LiveStanding extends Standing {
  checks: number
  isOnProbation: boolean
  /** Checks that it still has to pass on probation. */
  probation: number
}

export function newStanding(checks: number, probation: number, blacklistable: boolean): LiveStanding {
  return { checks, probation, isOnProbation: probation > 0, blacklistable }
}

/** So many of its results were found right by a check. */
export function passChecks(standing: LiveStanding, count: number): void {
  standing.checks += count
  standing.probation = standing.probation > count ? standing.probation - count : 0
  standing.isOnProbation = standing.probation > 0
}
