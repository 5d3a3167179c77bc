import type { LeafRange } from '../ops/op.ts'
import { wrongFractionBound } from './wrong-bound.ts'

/** What a job's verification lets one say about its result: a pure function of counts, so that anybody can say it again. */

export interface VerificationCounts {
  /** Accepted shards. */
  readonly accepted: number
  /** Accepted copies of them, the referee's included. */
  readonly copies: number
  /** Shards accepted on one agent's word alone. */
  readonly single: number
  /** Shards of that kind that the referee executed again, drawn uniformly after they were committed; and those found wrong. */
  readonly audits: number
  readonly audits_bad: number
  /** Sum over accepted shards of the modelled probability that it is wrong. */
  readonly doubt: number
}

export interface JobBound {
  readonly copies_per_shard: number
  readonly audits: number
  readonly audits_bad: number
  /**
   * At most this fraction of the shards is wrong, with 95 % confidence and whatever the agents' habits are; from the audits
   * of this job alone. Undefined when nobody was audited and some shards rest on one word.
   */
  readonly wrong_fraction: number | undefined
  /** Mean probability that a shard is wrong if at most a fifth of the agents sabotages at a constant rate. */
  readonly modelled_error: number
  /** So far can wrong shards within `wrong_fraction` move the result's main figure, whatever they say. */
  readonly result: { readonly figure: string; readonly unit?: string; readonly at_most: number } | undefined
}

/** Undefined while nothing is accepted. @param shards of the whole plan */
export function jobBound(
  counts: VerificationCounts,
  shards: number,
  range: LeafRange | undefined,
): JobBound | undefined {
  const { accepted, single, audits, audits_bad } = counts
  if (accepted === 0) return undefined
  const unaudited = single / accepted
  const wrong_fraction =
    single === 0 ? 0 : audits === 0 ? undefined : unaudited * wrongFractionBound(audits_bad, audits)
  return {
    copies_per_shard: counts.copies / accepted,
    audits,
    audits_bad,
    wrong_fraction,
    modelled_error: counts.doubt / accepted,
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

/** A full shard of n has at most 1 / (n - 1) of a mean's weight: the last one may be nearly empty. */
function movedAtMost(wrongFraction: number, shards: number, { low, high }: LeafRange): number {
  const weight = shards < 2 ? 1 : wrongFraction * (shards / (shards - 1))
  return (wrongFraction === 0 ? 0 : weight < 1 ? weight : 1) * (high - low)
}
