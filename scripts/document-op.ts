import { canonicalJson, type Json } from '../kernel/canonical.ts'
import type { ContractInput } from '../kernel/contract.ts'
import { sha256Hex } from '../kernel/digest.ts'
import { invariant } from '../kernel/errors.ts'
import { WasmProgram } from '../kernel/execute/wasm-program.ts'
import type { Op } from '../kernel/job.ts'
import { holds, type OpDocumentation } from '../kernel/ops/documentation.ts'
import { opFolder } from '../kernel/ops/folder.ts'
import { inputsOf } from '../kernel/ops/operand.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { kernelModule } from '../shaders/modules.ts'

/** What an op's documentation page shows besides its schemas: what its documentation.ts says, and a result beside its oracle. */
export async function documentOp(op: Op) {
  const folder = opFolder(op.ref)
  const { documentation }: { readonly documentation?: OpDocumentation } = await import(
    `../kernel/ops/${folder}/documentation.ts`
  )
  invariant(documentation !== undefined, `kernel/ops/${folder} exports its documentation`)
  const { oracle, invariants, accuracy } = documentation
  const { refs, bytes } = inputsOf(oracle.operands?.() ?? {})
  const contract = {
    contract: 1,
    op: { ...op.ref },
    args: oracle.args,
    ...(Object.keys(refs).length === 0 ? {} : { inputs: refs }),
    seed: { mode: 'explicit', value: 'documentation' },
    verify: { mode: 'quorum', k: 2 },
  } satisfies ContractInput
  const job = OPS.prepare(contract)
  const program = job.gpu()
  const compiled = new WasmProgram(await kernelModule(program.kernel), program, bytes)
  const aggregate = job.newAggregate()
  for (let shard = 0; shard < job.plan.shard_count; shard++) {
    const leaf = compiled.leaf(shard)
    const complaint = job.checkLeaf(shard, leaf)
    invariant(complaint === undefined, `a leaf of ${op.id} keeps its invariants: ${complaint}`)
    aggregate.add(shard, leaf)
  }
  const { result } = aggregate.finish()
  const { headline, figures, charts } = job.summarise(result)
  return {
    invariants,
    accuracy,
    contract: contract as unknown as Json,
    oracle: {
      statement: oracle.statement,
      source: oracle.source,
      checks: oracle.check(result).map((check) => ({ ...check, met: holds(check) })),
    },
    result: {
      digest: sha256Hex(canonicalJson(result)),
      headline,
      figures,
      chart: charts.find(({ kind }) => kind !== 'image') ?? null,
    },
  }
}
