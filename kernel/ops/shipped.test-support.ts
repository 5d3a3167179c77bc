import { kernelModule } from '../../shaders/modules.ts'
import type { JsonObject } from '../canonical.ts'
import { WasmProgram } from '../execute/wasm-program.ts'
import { foldOf, type OpRun } from './laws.test-support.ts'
import type { OpSpec } from './op.ts'

/** The result over the whole plan, by the shipped kernel: many times faster than the reference. */
export async function shippedResult<A extends JsonObject, C extends JsonObject, G, R extends JsonObject>(
  spec: OpSpec<A, C, G, R>,
  run: OpRun<A, C>,
): Promise<R> {
  const { inputs, ...context } = run
  const program = spec.gpu(context)
  const compiled = new WasmProgram(await kernelModule(program.kernel), program, inputs)
  const leaves = Array.from({ length: run.plan.shard_count }, (_, shard) => compiled.leaf(shard))
  return spec.reduce(run.args, run.plan, foldOf(spec, run, leaves), []).result
}
