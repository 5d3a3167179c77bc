import type { JsonObject } from '../canonical.ts'
import { formatOp } from '../contract.ts'
import { invariant } from '../errors.ts'
import type { PreparedJob } from '../job.ts'
import { philoxKey, seedMaterial } from '../seed.ts'
import { opFolder } from './folder.ts'
import type { InputBytes, OpSpec } from './op.ts'
import type { Reference, ReferenceRun } from './reference.test-support.ts'
import { OPS } from './registry.ts'

/**
 * The ops' formulas in plain TypeScript: an oracle that shares nothing with the kernels but the plan. Each stands in its
 * op's folder, as `reference` of reference.test-support.ts.
 */
const REFERENCES = new Map(
  await Promise.all(
    OPS.list().map(async ({ id, ref }) => {
      const folder = opFolder(ref)
      const found: { readonly reference?: Reference<JsonObject, JsonObject> } = await import(
        `./${folder}/reference.test-support.ts`
      )
      invariant(found.reference !== undefined, `kernel/ops/${folder} exports a reference`)
      return [id, found.reference] as const
    }),
  ),
)

function referenceBy(op: string): Reference<JsonObject, JsonObject> {
  const reference = REFERENCES.get(op)
  invariant(reference !== undefined, `${op} has a reference`)
  return reference
}

/** One shard's leaf by the reference of an op. */
export function referenceOf<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  run: ReferenceRun<A, C>,
  shard: number,
): Uint8Array {
  const reference = referenceBy(formatOp(spec.ref)) as unknown as Reference<A, C>
  return reference(run, shard)
}

/** One shard's leaf of a job by the op's reference. */
export function referenceLeaf(job: PreparedJob, shard: number, inputs: InputBytes): Uint8Array {
  const { op, seed, args, inputs: inputRefs } = job.contract
  const key = philoxKey(seedMaterial(seed, op, args, inputRefs))
  return referenceBy(job.op)({ args, plan: job.plan, key, inputRefs, inputs }, shard)
}
