import type { ContractInput } from '../kernel/contract.ts'
import { invariant } from '../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../kernel/job.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import { inputsOf } from '../kernel/ops/operand.ts'

/** A tiny contract whose shards an executor must get right before it may run the op for others. */
export interface GoldenJob {
  readonly job: PreparedJob
  readonly inputs: InputBytes
}

/** @returns the golden jobs of an op; every op of the registry has some */
export function goldenJobs(registry: OpRegistry, op: string): readonly GoldenJob[] {
  const { golden, ref } = registry.get(op)
  const contracts = golden()
  invariant(contracts.length > 0, `${op} has a golden contract`)
  return contracts.map(({ args, operands }) => {
    const { refs, bytes } = inputsOf(operands ?? {})
    const job = registry.prepare({
      contract: 1,
      op: { ...ref },
      args,
      inputs: refs,
      seed: { mode: 'explicit', value: 'golden' },
      verify: { mode: 'none' },
    } satisfies ContractInput)
    return { job, inputs: bytes }
  })
}
