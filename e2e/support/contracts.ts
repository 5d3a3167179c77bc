import { canonicalJson } from '../../kernel/canonical.ts'
import type { ContractInput } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { SHARD_POINTS } from '../../kernel/ops/mc-pi/args.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'

/** Paths of one shard of `optionContract`, whose paths have 52 steps. */
const SHARD_PATHS = 65_536

type Verify = ContractInput['verify']
const QUORUM: Verify = { mode: 'quorum', k: 2 }

/** π by random points, in so many shards. */
export function piContract(seed: string, shards: number, verify: Verify = QUORUM): ContractInput {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: shards * SHARD_POINTS },
    seed: { mode: 'explicit', value: seed },
    verify,
  }
}

/** A European call of one year in weekly steps, in so many shards. */
export function optionContract(seed: string, shards: number): ContractInput {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: {
      spot: 100,
      strike: 100,
      rate: 0.03,
      volatility: 0.2,
      maturity_years: 1,
      steps: 52,
      paths: shards * SHARD_PATHS,
      style: 'european',
      right: 'call',
    },
    seed: { mode: 'explicit', value: seed },
    verify: QUORUM,
  }
}

/** The square of an int8 matrix that is stored under this digest. */
export function matmulContract(digest: string, side: number, verify: Verify = QUORUM): ContractInput {
  const operand = { digest, dtype: 'int8' as const, shape: [side, side] }
  return {
    contract: 1,
    op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
    args: {},
    inputs: { a: operand, b: operand },
    seed: { mode: 'derived' },
    verify,
  }
}

/** What the result's digest must be: every shard executed by the reference, here, without any network. */
export function expectedDigest(contract: ContractInput): string {
  const job = OPS.prepare(contract)
  const aggregate = job.newAggregate()
  for (let shard = 0; shard < job.plan.shard_count; shard++)
    aggregate.add(shard, referenceLeaf(job, shard, new Map()))
  return sha256Hex(canonicalJson(aggregate.finish().result))
}
