import type { JsonObject } from '../../kernel/canonical.ts'
import { type ContractInput, type Dtype, parseContract } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import type { Op, PreparedJob } from '../../kernel/job.ts'
import type { InputBytes } from '../../kernel/ops/op.ts'
import { DTYPE_BYTES, elementCount } from '../../kernel/ops/operand.ts'

/** An op's documented example, with operands where it has inputs. */

type Operand = readonly [dtype: Dtype, ...shape: number[]]

/** Large enough for whole shards. */
const OPERANDS: Readonly<Record<string, Readonly<Record<string, Operand>>>> = {
  'ensemble@1/bootstrap.v1': { data: ['int32', 1000, 2] },
  'tensor@1/matmul.v1': { a: ['int8', 512, 512], b: ['int8', 512, 512] },
  'tensor@1/ntt.v1': { a: ['int32', 4096], b: ['int32', 4096] },
  'tensor@1/gemv.v1': { a: ['int8', 2048, 2048], x: ['int8', 2048] },
  'tensor@1/conv2d.v1': { x: ['int8', 1, 32, 64, 64], w: ['int8', 64, 32, 3, 3] },
  'tensor@1/reduce.v1': { x: ['int32', 1024, 1024] },
  'tensor@1/elementwise.v1': { a: ['int8', 1024, 1024], b: ['int8', 1024, 1024] },
  'media@1/filter.v1': { image: ['uint8', 512, 512, 4] },
}

export interface OpJob {
  readonly job: PreparedJob
  readonly inputs: InputBytes
  /** What is timed, again and again: shards in the middle, because the edges of a tensor can be smaller. */
  readonly shards: readonly number[]
  /** Work units of these shards together, about. */
  readonly units: number
}

const SHARDS = 2

/** @throws ForgeError INPUT_MISSING for an op with inputs that has no operands above */
export function opJob(op: Op): OpJob {
  const operands = Object.entries(OPERANDS[op.id] ?? {}).map(([name, [dtype, ...shape]], i) => {
    const bytes = anyBytes(elementCount(shape) * DTYPE_BYTES[dtype], i + 1)
    return { name, bytes, ref: { digest: sha256Hex(bytes), dtype, shape } }
  })
  const job = op.prepare(
    contractOf(op, Object.fromEntries(operands.map(({ name, ref }) => [name, ref])), op.example),
  )
  const { shard_count, work_units } = job.plan
  const count = Math.min(SHARDS, shard_count)
  const first = Math.floor((shard_count - count) / 2)
  return {
    job,
    inputs: new Map(operands.map(({ name, bytes }) => [name, bytes])),
    shards: Array.from({ length: count }, (_, i) => first + i),
    units: (work_units / shard_count) * count,
  }
}

function contractOf(op: Op, inputs: NonNullable<ContractInput['inputs']>, args: JsonObject) {
  return parseContract({
    contract: 1,
    op: { ...op.ref },
    args,
    inputs,
    seed: { mode: 'explicit', value: 'benchmark' },
    verify: { mode: 'none' },
  } satisfies ContractInput)
}

/** The values do not matter, their being the same in every run does. */
function anyBytes(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
