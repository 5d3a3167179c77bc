import { randomInt } from 'node:crypto'
import type { ProofView } from '../../kernel/api.ts'
import { bytesToHex } from '../../kernel/digest.ts'
import { ForgeError, invariant } from '../../kernel/errors.ts'
import type { JobStore } from '../memory/ports/jobs.ts'
import type { ResultStore } from '../memory/ports/results.ts'
import type { Actor } from './actor.ts'
import { authorise, MISSING } from './authorise.ts'
import { jobResource } from './job-view.ts'
import { CORE_LIMITS } from './limits.ts'

export interface ProofService {
  /**
   * What it takes to execute shards of a settled job again: its contract, and the digests the network accepted.
   * @param wanted at most CORE_LIMITS.proof_shards; without it, as many are drawn here
   * @throws ForgeError NOT_FOUND; CONFLICT before the job is settled; MESSAGE_INVALID for a shard outside the plan
   */
  prove(actor: Actor, id: string, wanted: readonly number[] | undefined): Promise<ProofView>
}

export interface ProofPorts {
  readonly jobs: Pick<JobStore, 'get'>
  readonly results: Pick<ResultStore, 'find'>
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

export function createProofService({ jobs, results }: ProofPorts): ProofService {
  return {
    async prove(actor, id, wanted) {
      authorise(actor, 'jobs.read')
      const job = UUID.test(id) ? await jobs.get(id) : undefined
      authorise(actor, 'jobs.read', job === undefined ? MISSING : jobResource(job))
      invariant(job !== undefined, 'a missing job is refused')
      if (job.result_digest === null) {
        throw new ForgeError('CONFLICT', `the job is ${job.state}: only a settled job has a proof`, {
          hint: 'Ask again once it has settled.',
        })
      }
      const result_shards = job.covered_shards ?? job.shard_count
      const shards = wanted === undefined ? drawShards(result_shards) : checked(wanted, result_shards)
      const found = await results.find(job.replay_of ?? id, shards)
      return {
        id,
        canonical: job.canonical,
        contract_hash: job.contract_hash,
        plan_digest: job.plan_digest,
        shard_count: job.shard_count,
        result_shards,
        result_digest: job.result_digest,
        shards: shards.map((shard) => {
          const accepted = found.get(shard)
          invariant(accepted !== undefined, `shard ${shard} of settled job ${id} has no result`)
          return {
            shard,
            digest: bytesToHex(accepted.digest),
            method: accepted.method,
            executors: accepted.copies.map(({ executor }) => executor),
          }
        }),
      }
    },
  }
}

function checked(wanted: readonly number[], resultShards: number): readonly number[] {
  const outside = wanted.find((shard) => shard >= resultShards)
  if (outside !== undefined) {
    throw new ForgeError('MESSAGE_INVALID', `the job's result has no shard ${outside}`, {
      path: 'shards',
      hint: `Its shards are 0 to ${resultShards - 1}.`,
    })
  }
  return [...new Set(wanted)].sort((a, b) => a - b)
}

/** Distinct shards, each set of them as likely as any other (Floyd's algorithm), in ascending order. */
function drawShards(shardCount: number): readonly number[] {
  const drawn = new Set<number>()
  for (let limit = Math.max(0, shardCount - CORE_LIMITS.proof_shards); limit < shardCount; limit++) {
    const candidate = randomInt(limit + 1)
    drawn.add(drawn.has(candidate) ? limit : candidate)
  }
  return [...drawn].sort((a, b) => a - b)
}
