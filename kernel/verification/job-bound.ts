import type { Verify } from '../contract.ts'
import type { LeafRange } from '../ops/op.ts'
import { wrongFractionBound } from './wrong-bound.ts'

/** What a job's verification lets one say about its result: a pure function of counts, so that anybody can say it again. */

/** What checks have found, as sums over shards. */
export interface CheckFindings {
  /**
   * Shards that the referee executed, drawn uniformly after their digests were committed from those that would rest on one
   * word (under `full`, on two); and those found wrong.
   */
  readonly audits: number
  readonly audits_bad: number
  /** The modelled probability that a shard is wrong, over those that rest on one word, and on agreeing owners. */
  readonly doubt_single: number
  readonly doubt_agreed: number
  /** Leases of shards whose result was known, given in the place of work and answered; and those that were wrong. */
  readonly canaries: number
  readonly canaries_bad: number
}
export const NO_FINDINGS: CheckFindings = {
  audits: 0,
  audits_bad: 0,
  doubt_single: 0,
  doubt_agreed: 0,
  canaries: 0,
  canaries_bad: 0,
}

export function addFindings(a: CheckFindings, b: CheckFindings): CheckFindings {
  return {
    audits: a.audits + b.audits,
    audits_bad: a.audits_bad + b.audits_bad,
    doubt_single: a.doubt_single + b.doubt_single,
    doubt_agreed: a.doubt_agreed + b.doubt_agreed,
    canaries: a.canaries + b.canaries,
    canaries_bad: a.canaries_bad + b.canaries_bad,
  }
}

export interface VerificationCounts extends CheckFindings {
  /** Accepted shards, and their accepted copies, the referee's included. */
  readonly accepted: number
  readonly copies: number
  /** Shards accepted on one agent's word, and on the agreement of distinct owners. */
  readonly single: number
  readonly agreed: number
}

export interface JobBound {
  readonly copies_per_shard: number
  readonly audits: number
  readonly audits_bad: number
  /**
   * At most this fraction of the shards is wrong. What was audited counts by the audits of this job alone, with 95 %
   * confidence and whatever the agents' habits are; agreement of owners counts as modelled. Undefined when shards rest on one
   * word and none was audited.
   */
  readonly wrong_fraction: number | undefined
  /** Mean probability that a shard is wrong if at most a fifth of the agents sabotages, each at a constant rate. */
  readonly modelled_error: number
  /** So far can wrong shards within `wrong_fraction` move the result's main figure, whatever they say. */
  readonly result: { readonly figure: string; readonly unit?: string; readonly at_most: number } | undefined
}

/** Undefined while nothing is accepted. @param shards of the whole plan */
export function jobBound(
  counts: VerificationCounts,
  verify: Verify,
  shards: number,
  range: LeafRange | undefined,
): JobBound | undefined {
  const { accepted, audits, audits_bad } = counts
  if (accepted === 0) return undefined
  const wrong = wrongShards(counts, verify)
  const wrong_fraction = wrong === undefined ? undefined : shareOf(wrong, accepted)
  return {
    copies_per_shard: counts.copies / accepted,
    audits,
    audits_bad,
    wrong_fraction,
    modelled_error: shareOf(counts.doubt_single + counts.doubt_agreed, accepted),
    result:
      range === undefined || wrong_fraction === undefined
        ? undefined
        : {
            figure: range.figure,
            ...(range.unit === undefined ? {} : { unit: range.unit }),
            at_most: movedAtMost(wrong_fraction, shards, range),
          },
  }
}

/** At most 1: doubts of shards that were replaced, or lie beyond a stop, are still in their sum. */
function shareOf(shards: number, accepted: number): number {
  return shards < accepted ? shards / accepted : 1
}

/** Shards that may be wrong, of all accepted ones. */
function wrongShards(counts: VerificationCounts, verify: Verify): number | undefined {
  const { single, agreed, audits, audits_bad, doubt_agreed } = counts
  const bound = audits === 0 ? undefined : wrongFractionBound(audits_bad, audits)
  if (verify.mode === 'full') return bound === undefined ? doubt_agreed : agreed * bound
  if (single === 0) return doubt_agreed
  return bound === undefined ? undefined : single * bound + doubt_agreed
}

/** A full shard of n has at most 1 / (n - 1) of a mean's weight: the last one may be nearly empty. */
function movedAtMost(wrongFraction: number, shards: number, { low, high }: LeafRange): number {
  const weight = shards < 2 ? 1 : wrongFraction * (shards / (shards - 1))
  return (wrongFraction === 0 ? 0 : weight < 1 ? weight : 1) * (high - low)
}
