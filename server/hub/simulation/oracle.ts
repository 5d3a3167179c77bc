import type { AcceptedRun } from '../../../kernel/acceptance.ts'
import { bytesEqual } from '../../../kernel/digest.ts'
import { copiesPaid, type VerifyPolicy } from '../core/verify-policy.ts'
import type { Incident } from '../doubtful-shards.ts'
import { digestsOf, LEAF_MAX_BYTES } from './random.ts'
import type { SimAgent, SimJob } from './scenario.ts'
import type { StoredJob } from './stored-job.ts'

/** What must hold of whatever a simulated network makes durable, told by who knows every agent's honesty and every digest. */

export type Fail = (message: string) => never

/** What a result rests on, as the hub that makes it has read it. */
export interface Basis {
  readonly corrections: number
  /** Wrong results of agents on whose word alone shards were accepted. */
  readonly incidents: readonly Incident[]
  /** Wrong shards in the fold. */
  readonly wrong: readonly number[]
}

/** That a run is one which its job's policy lets in. */
export function checkRun(job: SimJob, run: AcceptedRun, fail: Fail): void {
  if (run.digests.length !== 32 * run.count || run.leaves.length !== run.count)
    fail(`run ${run.first} of ${job.id} has not what it should have`)
  if (
    [...run.leaves].some((leaf) => leaf.length > LEAF_MAX_BYTES) ||
    !bytesEqual(digestsOf(run.leaves), run.digests)
  )
    fail(`run ${run.first} of ${job.id} has leaves that no correct execution gives`)
  const owners = new Set(run.copies.map(({ owner }) => owner))
  if (owners.size !== run.copies.length) fail(`shard ${run.first} of ${job.id}: two copies of one owner`)
  if (run.method === 'quorum' && job.verify.mode === 'quorum' && owners.size < job.verify.k)
    fail(`shard ${run.first} of ${job.id} was accepted by ${owners.size} owners`)
  if (run.method === 'single' && job.verify.mode !== 'none' && !mayStandAlone(job.verify))
    fail(`shard ${run.first} of ${job.id} was accepted on one word`)
}

/** A wrong digest is accepted only on the word of as many colluding owners as the policy asks for. */
export function isExplained({ method, copies }: AcceptedRun, agents: ReadonlyMap<string, SimAgent>): boolean {
  const liars = copies.map(({ agent }) => agents.get(agent)?.honesty ?? 'honest')
  return (
    (method === 'quorum' && liars.every((honesty) => honesty === 'colluder')) ||
    (method === 'single' && liars.every((honesty) => honesty !== 'honest'))
  )
}

/** That a result misses no shard, and has none that is doubted or has been replaced; and that no copy is paid twice. */
export function checkSettlement(stored: StoredJob, basis: Basis, fail: Fail): void {
  const { id } = stored.job
  const end = stored.stopped_at ?? stored.job.shard_count
  if (stored.isAccepted.subarray(0, end).includes(0)) fail(`${id} settles without all of its shards`)
  // What lies beyond a stop is no part of the result.
  const doubted = [...stored.doubted].filter((shard) => shard < end)
  if (doubted.length > 0)
    fail(`${id} settles with ${doubted.length} shards on the word of agents that were wrong`)
  if (stored.paid > stored.accepted_count * copiesPaid(stored.job.verify))
    fail(`${id} pays ${stored.paid} copies of ${stored.accepted_count} shards`)
  for (const shard of basis.wrong)
    if (stored.isWrong[shard] === 0)
      fail(`${id} settles with shard ${shard} as it was before it was replaced`)
}

/** Whether one agent's word may close a shard that is verified. */
export function mayStandAlone({ mode }: VerifyPolicy): boolean {
  return mode === 'spotcheck' || mode === 'adaptive'
}
