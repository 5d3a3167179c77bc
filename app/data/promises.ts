import { type Verify, verifySchema } from '../../kernel/contract.ts'
import { FULL_SAMPLE, SABOTEUR_FRACTION } from '../../kernel/verification/policy.ts'
import { AUDIT_FLOOR } from '../../kernel/verification/replication.ts'
import { captureProbability, resultsBeforeCaught, samplingMiss } from '../../kernel/verification/sampling.ts'
import { formatCount, formatNumber, formatShare } from './format.ts'

/**
 * What a verification does and what may be expected of it, in plain words.
 * @param verify a contract's `verify`
 * @param shards of the plan
 */
export function promiseOf(verify: unknown, shards: number): string {
  const parsed = verifySchema.safeParse(verify)
  return parsed.success ? promise(parsed.data, shards) : 'This version does not know how the job is verified.'
}

/** One wrong shard in so many is what the sampling modes are judged by. */
const ONE_PERCENT = 0.01

function promise(verify: Verify, shards: number): string {
  switch (verify.mode) {
    case 'none':
      return 'Each shard is computed once; nobody checks it. The result is only as trustworthy as the agents.'
    case 'spotcheck': {
      const missed = samplingMiss(ONE_PERCENT, Math.round(verify.rate * shards))
      return `Each shard is computed once. The hub’s own CPU executes ${formatShare(verify.rate)} of them again, drawn at random after the agents have committed to their results. If 1 % of the shards were wrong, the checks of this job would all miss them with probability ${formatShare(missed)}.`
    }
    case 'quorum':
      return `Each shard needs ${formatCount(verify.k)} agreeing copies from distinct owners. The referee, the hub’s own CPU execution, decides disagreements and supplies a copy when no further owner comes. If ${formatShare(SABOTEUR_FRACTION)} of all owners conspired, a random group of ${verify.k} would be theirs alone with probability ${formatShare(captureProbability(SABOTEUR_FRACTION, verify.k))}.`
    case 'full':
      return `Each shard needs two agreeing copies from distinct owners, and the hub’s own CPU executes ${formatShare(FULL_SAMPLE)} of all shards as well, drawn at random after the owners have agreed.`
    case 'adaptive':
      return `A shard is accepted when the modelled probability that it is wrong is at most 1 in ${formatCount(Math.round(1 / verify.epsilon))}, assuming that at most ${formatShare(SABOTEUR_FRACTION)} of the agents sabotage. Agents without a history are checked by a second owner or by the referee; known ones work alone, and ${formatShare(AUDIT_FLOOR)} of their shards are audited at random. One that turns bad returns ${formatNumber(Math.round(resultsBeforeCaught(AUDIT_FLOOR)))} wrong results on average before an audit finds it; what it did alone in jobs that are not settled is then checked again.`
    case 'algebraic':
      return 'Each shard is computed once, and checked by an identity at a secret point that is drawn after the agent has committed to its result: far cheaper than computing it again, and a wrong one passes with a probability below 1 in a million million.'
    default:
      return verify satisfies never
  }
}
