import type { Contract, Verify } from '../contract.ts'
import type { HexDigest } from '../digest.ts'
import { REFEREE_COPY, type Trace, type TraceRun } from '../evidence/trace.ts'

/**
 * Whether the record of an earlier job may answer a new contract with the same replay key. The bytes are the same either
 * way; what is weighed is the word on which they rest. The answer is never weaker than what is asked:
 *
 *  - the hub's own execution stands for every mode;
 *  - an algebraic check stands for `algebraic`, and for `spotcheck`, whose audit it is;
 *  - agreement of k owners with keys of their own stands for `quorum` up to k, and from two on for `spotcheck`, in whose
 *    policy a second owner takes the place of the audit;
 *  - `full` and `adaptive` promise what no single shard shows, a sample and a modelled doubt: a record stands for them when
 *    it was made under the same mode, with no greater doubt;
 *  - a `spotcheck` record stands for `spotcheck` up to its rate;
 *  - every record stands for `none`.
 *
 * Copies of the asker's own agents count for nothing, as they would if the contract ran.
 */

/** Shards with one history, without the asker's own copies. */
export interface AchievedRun {
  readonly first: number
  readonly method: TraceRun['method']
  /** Distinct keys or distinct owners of the copies left, whichever are fewer; the hub is none. */
  readonly voices: number
  /** A copy was the asker's own, and is left out. */
  readonly isReduced: boolean
}

export interface EarlierRecord {
  readonly contract: Pick<Contract, 'verify' | 'policy'>
  /** Distinct keys of accepted copies. */
  readonly keys: number
  readonly runs: readonly AchievedRun[]
  /** Whether it is the asker's own job. */
  readonly isOwn: boolean
}

/** @returns why the record must not answer the contract; undefined when it may */
export function replayShortfall(
  asked: Pick<Contract, 'verify' | 'policy'>,
  record: EarlierRecord,
): string | undefined {
  const { verify, policy } = record.contract
  // Nobody but its owner has reason to believe what nobody checked, and an owner could plant it.
  if (!record.isOwn && verify.mode === 'none') return 'it was accepted unchecked, for its owner alone'
  if (asked.policy.target !== 'any' && asked.policy.target !== policy.target)
    return `${asked.policy.target} was asked for, it ran on ${policy.target}`
  if (record.keys < asked.policy.min_agents && asked.policy.min_agents > 1)
    return `${asked.policy.min_agents} agents were asked for, it has ${record.keys}`
  for (const run of record.runs) {
    const why = runShortfall(asked.verify, verify, run)
    if (why !== undefined) return `shard ${run.first}: ${why}`
  }
  return undefined
}

function runShortfall(asked: Verify, achieved: Verify, run: AchievedRun): string | undefined {
  const { method, voices, isReduced } = run
  if (asked.mode === 'none' || method === 'referee') return undefined
  const isAgreed = method === 'quorum' && voices >= 2
  switch (asked.mode) {
    case 'algebraic':
      return method === 'algebraic' ? undefined : 'no algebraic check'
    case 'quorum':
      return isAgreed && voices >= asked.k ? undefined : `${voices} owners, ${asked.k} were asked for`
    case 'spotcheck':
      if (isAgreed || method === 'algebraic') return undefined
      if (achieved.mode !== 'spotcheck' || isReduced) return 'one word, which was not audited as asked'
      return achieved.rate >= asked.rate ? undefined : `audited at ${achieved.rate}, not at ${asked.rate}`
    case 'full':
      return isAgreed && achieved.mode === 'full' ? undefined : 'no agreement with a sample by the hub'
    case 'adaptive':
      if (achieved.mode !== 'adaptive' || isReduced) return 'its doubt is not known'
      return achieved.epsilon <= asked.epsilon
        ? undefined
        : `a doubt of ${achieved.epsilon}, not ${asked.epsilon}`
    default:
      return asked satisfies never
  }
}

/** What a trace shows, without the copies of the asker's own keys and of whoever had those keys when they worked. */
export function achievedRuns(trace: Trace, isOwnKey: (key: HexDigest) => boolean): readonly AchievedRun[] {
  const ownAgents = new Set(trace.agents.flatMap((key, at) => (isOwnKey(key) ? [at] : [])))
  const ownOwners = new Set<number>()
  for (const { copies } of trace.runs)
    for (const [agent, owner] of copies) if (ownAgents.has(agent)) ownOwners.add(owner)
  return trace.runs.map(({ first, method, copies }) => {
    const byAgents = copies.filter(([agent]) => agent !== REFEREE_COPY)
    const left = byAgents.filter(([agent, owner]) => !ownAgents.has(agent) && !ownOwners.has(owner))
    const voices = Math.min(
      new Set(left.map(([agent]) => agent)).size,
      new Set(left.map(([, owner]) => owner)).size,
    )
    return { first, method, voices, isReduced: left.length < byAgents.length }
  })
}
