import { invariant } from '../errors.ts'
import type { PreparedJob } from '../job.ts'
import { philoxKey, seedMaterial } from '../seed.ts'
import type { GbmArgs } from './mc-gbm/args.ts'
import type { GbmPlan } from './mc-gbm/plan.ts'
import { referenceGbm } from './mc-gbm/reference.test-support.ts'
import type { PiPlan } from './mc-pi/plan.ts'
import { referencePi } from './mc-pi/reference.test-support.ts'
import type { InputBytes, Plan } from './op.ts'
import { multiplyTile } from './tensor-matmul/reference.test-support.ts'
import type { MatmulConstants } from './tensor-matmul/tiles.ts'

type Reference = (
  job: PreparedJob,
  key: readonly [number, number],
  shard: number,
  inputs: InputBytes,
) => Uint8Array

/** The ops' formulas in plain TypeScript: an oracle that shares nothing with the kernels but the plan. */
const REFERENCES: Readonly<Record<string, Reference>> = {
  'mc@1/pi.v1': (job, key, shard) => referencePi(job.plan as unknown as PiPlan, key, shard),
  'mc@1/gbm.v1': (job, key, shard) =>
    referenceGbm(job.contract.args as unknown as GbmArgs, job.plan as unknown as GbmPlan, key, shard),
  'tensor@1/matmul.v1': (job, _key, shard, inputs) =>
    multiplyTile((job.plan as unknown as Plan<MatmulConstants>).constants, inputs, shard),
}

/** One shard's leaf by the op's reference. */
export function referenceLeaf(job: PreparedJob, shard: number, inputs: InputBytes): Uint8Array {
  const reference = REFERENCES[job.op]
  invariant(reference !== undefined, `${job.op} has a reference`)
  const { op, seed, args, inputs: refs } = job.contract
  return reference(job, philoxKey(seedMaterial(seed, op, args, refs)), shard, inputs)
}
