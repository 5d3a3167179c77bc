import type { JsonObject } from '../canonical.ts'
import { formatOp } from '../contract.ts'
import { invariant } from '../errors.ts'
import type { PreparedJob } from '../job.ts'
import { philoxKey, seedMaterial } from '../seed.ts'
import { bootstrapSpec } from './ensemble-bootstrap/index.ts'
import { referenceBootstrap } from './ensemble-bootstrap/reference.test-support.ts'
import { isingSpec } from './ensemble-ising/index.ts'
import { referenceIsing } from './ensemble-ising/reference.test-support.ts'
import { lorenzSpec } from './ensemble-lorenz/index.ts'
import { referenceLorenz } from './ensemble-lorenz/reference.test-support.ts'
import { sirSpec } from './ensemble-sir/index.ts'
import { referenceSir } from './ensemble-sir/reference.test-support.ts'
import { etaSpec } from './mc-eta/index.ts'
import { referenceEta } from './mc-eta/reference.test-support.ts'
import { gbmSpec } from './mc-gbm/index.ts'
import { referenceGbm } from './mc-gbm/reference.test-support.ts'
import { hestonSpec } from './mc-heston/index.ts'
import { referenceHeston } from './mc-heston/reference.test-support.ts'
import { insuranceSpec } from './mc-insurance/index.ts'
import { referenceInsurance } from './mc-insurance/reference.test-support.ts'
import { piSpec } from './mc-pi/index.ts'
import { referencePi } from './mc-pi/reference.test-support.ts'
import { portfolioSpec } from './mc-portfolio/index.ts'
import { referencePortfolio } from './mc-portfolio/reference.test-support.ts'
import { filterSpec } from './media-filter/index.ts'
import { filterTile } from './media-filter/reference.test-support.ts'
import { mandelbrotSpec } from './media-mandelbrot/index.ts'
import { escapeTimes } from './media-mandelbrot/reference.test-support.ts'
import type { InputBytes, OpSpec, ShardContext } from './op.ts'
import { elementsOf, inputRef, operandBytes } from './operand.ts'
import { conv2dSpec } from './tensor-conv2d/index.ts'
import { correlate } from './tensor-conv2d/reference.test-support.ts'
import { elementwiseSpec } from './tensor-elementwise/index.ts'
import { computeElements } from './tensor-elementwise/reference.test-support.ts'
import { gemvSpec } from './tensor-gemv/index.ts'
import { stridesOf } from './tensor-gemv/plan.ts'
import { multiplyRows } from './tensor-gemv/reference.test-support.ts'
import { matmulSpec } from './tensor-matmul/index.ts'
import { referenceTile } from './tensor-matmul/reference.test-support.ts'
import { nttSpec } from './tensor-ntt/index.ts'
import { referenceNtt } from './tensor-ntt/reference.test-support.ts'
import { reduceSpec } from './tensor-reduce/index.ts'
import { reduceItems } from './tensor-reduce/reference.test-support.ts'

/** Everything that determines the leaves of a job. */
export interface ReferenceRun<A, C extends JsonObject> extends ShardContext<A, C> {
  readonly inputs: InputBytes
}

type Reference<A, C extends JsonObject> = (run: ReferenceRun<A, C>, shard: number) => Uint8Array

/** The reference of an op, by its name; the types are the op's own, which a table of all ops cannot keep. */
function of<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  { ref }: OpSpec<A, C, G, R>,
  reference: Reference<A, C>,
): readonly [op: string, Reference<JsonObject, JsonObject>] {
  return [formatOp(ref), reference as unknown as Reference<JsonObject, JsonObject>]
}

/** The ops' formulas in plain TypeScript: an oracle that shares nothing with the kernels but the plan. */
const REFERENCES = new Map([
  of(piSpec, ({ plan, key }, shard) => referencePi(plan, key, shard)),
  of(gbmSpec, ({ args, plan, key }, shard) => referenceGbm(args, plan, key, shard)),
  of(hestonSpec, ({ args, plan, key }, shard) => referenceHeston(args, plan, key, shard)),
  of(portfolioSpec, ({ args, plan, key }, shard) => referencePortfolio(args, plan, key, shard)),
  of(insuranceSpec, ({ plan, key }, shard) => referenceInsurance(plan, key, shard)),
  of(etaSpec, ({ plan, key }, shard) => referenceEta(plan, key, shard)),
  of(sirSpec, ({ plan, key }, shard) => referenceSir(plan, key, shard)),
  of(isingSpec, ({ args, plan, key }, shard) => referenceIsing(args, plan, key, shard)),
  of(lorenzSpec, ({ args, plan, key }, shard) => referenceLorenz(args, plan, key, shard)),
  of(bootstrapSpec, (run, shard) => referenceBootstrap(run, run.inputs, shard)),
  of(matmulSpec, (run, shard) => referenceTile(run, run.inputs, shard)),
  of(mandelbrotSpec, ({ args, plan }, shard) => escapeTimes(args, plan.constants, shard)),
  of(nttSpec, ({ plan, inputRefs, inputs }, shard) =>
    referenceNtt(plan, elementsOf('a', inputRefs, inputs), elementsOf('b', inputRefs, inputs), shard),
  ),
  of(gemvSpec, ({ args, plan, inputRefs, inputs }, shard) =>
    multiplyRows(
      plan,
      elementsOf('a', inputRefs, inputs),
      stridesOf(args, plan.constants),
      elementsOf('x', inputRefs, inputs),
      shard,
    ),
  ),
  of(conv2dSpec, ({ args, plan, inputRefs, inputs }, shard) =>
    correlate(args, plan, elementsOf('x', inputRefs, inputs), elementsOf('w', inputRefs, inputs), shard),
  ),
  of(filterSpec, ({ args, plan, inputRefs, inputs }, shard) =>
    filterTile(
      args,
      plan.constants,
      operandBytes('image', inputRef(inputRefs, 'image'), inputs.get('image')),
      shard,
    ),
  ),
  of(reduceSpec, ({ plan, inputRefs, inputs }, shard) =>
    reduceItems(plan, elementsOf('x', inputRefs, inputs), shard),
  ),
  of(elementwiseSpec, ({ args, plan, inputRefs, inputs }, shard) =>
    computeElements(
      args,
      plan,
      elementsOf('a', inputRefs, inputs),
      elementsOf('b', inputRefs, inputs),
      shard,
    ),
  ),
])

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
