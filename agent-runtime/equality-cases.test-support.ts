import type { ContractInput } from '../kernel/contract.ts'
import type { PreparedJob } from '../kernel/job.ts'
import type { EqualityContract } from '../kernel/ops/equality.test-support.ts'
import { opFolder } from '../kernel/ops/folder.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import { inputsOf } from '../kernel/ops/operand.ts'
import { OPS } from '../kernel/ops/registry.ts'

/** Shards of a contract that every executor must agree on, byte for byte. */
export interface EqualityCase {
  readonly op: string
  readonly name: string
  readonly first: number
  readonly count: number
  prepare(): { readonly job: PreparedJob; readonly inputs: InputBytes }
}

/** Those of every op's folder, in the order of the registry: a host of executors finds the same at the same index. */
export const EQUALITY_CASES: readonly EqualityCase[] = (
  await Promise.all(
    OPS.list().map(async ({ id, ref }) => {
      const { CONTRACTS }: { readonly CONTRACTS: readonly EqualityContract[] } = await import(
        `../kernel/ops/${opFolder(ref)}/equality.test-support.ts`
      )
      return CONTRACTS.map(({ name, args, operands, first = 0, count = 1 }) => ({
        op: id,
        name,
        first,
        count,
        prepare: () => {
          const { refs, bytes } = inputsOf(operands?.() ?? {})
          const job = OPS.prepare({
            contract: 1,
            op: { ...ref },
            args,
            inputs: refs,
            seed: { mode: 'explicit', value: `equality of ${name}` },
            verify: { mode: 'none' },
          } satisfies ContractInput)
          return { job, inputs: bytes }
        },
      }))
    }),
  )
).flat()
