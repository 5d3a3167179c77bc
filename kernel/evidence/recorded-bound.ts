import type { Verify } from '../contract.ts'
import { invariant } from '../errors.ts'
import { LIMITS } from '../limits.ts'
import type { LeafRange } from '../ops/op.ts'
import { type CheckFindings, jobBound, NO_FINDINGS } from '../verification/job-bound.ts'
import { fail } from './checklist.ts'
import { BOUND_BAD_MAX, type JobRecord, type RecordedBound } from './record.ts'
import type { TraceCounts } from './trace.ts'

/** What a record states about its result: made from counts, and made again from the same counts by whoever verifies it. */

interface Counts {
  readonly verify: Verify
  readonly accepted: number
  readonly counted: TraceCounts
  readonly range: LeafRange | undefined
}

/** Of another implementation's arithmetic this much is allowed to differ, relative to the figure. */
const TOLERANCE = 1e-6

/** Undefined where more was found than a record can state. */
export function boundOf(
  findings: CheckFindings,
  { verify, accepted, counted, range }: Counts,
): RecordedBound | undefined {
  if (findings.audits > LIMITS.shards || findings.audits_bad > BOUND_BAD_MAX) return undefined
  const { methods, copies } = counted
  const bound = jobBound(
    { ...findings, accepted, copies, single: methods.single, agreed: methods.quorum },
    verify,
    accepted,
    range,
  )
  invariant(bound !== undefined, 'a record has accepted shards')
  const { audits, audits_bad, doubt_single, doubt_agreed } = findings
  const { copies_per_shard, wrong_fraction, modelled_error, result } = bound
  return {
    audits,
    audits_bad,
    doubt_single,
    doubt_agreed,
    copies_per_shard,
    ...(wrong_fraction === undefined ? {} : { wrong_fraction }),
    modelled_error,
    ...(result === undefined ? {} : { result }),
  }
}

/**
 * The figures follow from what was found and from the counts. How far a wrong share moves the result is the op's to say, and
 * not checked here. @returns what is stated, in words; '' where nothing is
 */
export function checkBound({ verification, shards }: JobRecord): string {
  const { asked, bound: said, copies, keys, owners, methods } = verification
  if (said === undefined) return ''
  const { audits, audits_bad, doubt_single, doubt_agreed } = said
  if (audits_bad > audits) fail(`${audits_bad} of ${audits} audits were bad`)
  const counts = {
    verify: asked,
    accepted: shards.accepted,
    counted: { methods, copies, keys, owners },
    range: undefined,
  }
  const made = boundOf({ ...NO_FINDINGS, audits, audits_bad, doubt_single, doubt_agreed }, counts)
  for (const name of ['copies_per_shard', 'wrong_fraction', 'modelled_error'] as const)
    if (!isClose(said[name], made?.[name]))
      fail(`its ${name} is ${said[name]}, from its counts follows ${made?.[name]}`)
  const { wrong_fraction } = said
  if (wrong_fraction === undefined) return ', no bound on wrong shards'
  const how = audits === 0 ? 'as modelled' : `with 95 % confidence by ${audits} audits`
  return `, at most ${wrong_fraction} of the shards wrong ${how}`
}

function isClose(a: number | undefined, b: number | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const apart = a < b ? b - a : a - b
  return apart <= TOLERANCE * (a < b ? b : a)
}
