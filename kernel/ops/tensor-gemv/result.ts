import { z } from 'zod'
import { sha256Hex } from '../../digest.ts'
import type { Artifact } from '../op.ts'
import { factsOf, sequenceFacts } from '../sequence-facts.ts'
import { type GemvConstants, type GemvPlan, shardRows } from './plan.ts'

/** The whole vector while its shards arrive: exact integers below 2^48. */
export interface Sums {
  readonly constants: GemvConstants
  readonly values: Float64Array
}

export const gemvResult = z.strictObject({
  length: z.int().min(1),
  /** int32 where every possible sum fits, else float64, which holds each of them exactly. */
  dtype: z.enum(['int32', 'float64']),
  /** SHA-256 of the artifact `y`. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  ...sequenceFacts.shape,
})
export type GemvResult = z.infer<typeof gemvResult>

const INT32_MAX = 2 ** 31 - 1

export function emptySums({ constants }: GemvPlan): Sums {
  return { constants, values: new Float64Array(constants.rows) }
}

export function placeSums({ constants, values }: Sums, shard: number, leaf: Uint8Array): void {
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  const first = shard * constants.shard_rows
  for (let row = 0; row < leaf.length / 8; row++) values[first + row] = sumAt(view, row)
}

/** A 64-bit sum as a number: exact below 2^53. */
function sumAt(view: DataView, row: number): number {
  return view.getUint32(8 * row, true) + view.getInt32(8 * row + 4, true) * 0x100000000
}

/** A leaf has exactly its rows, and no sum is larger than the dtypes allow. */
export function checkSums(plan: GemvPlan, shard: number, leaf: Uint8Array): string | undefined {
  const { bound } = plan.constants
  const rows = shardRows(plan.constants, shard)
  if (leaf.length !== 8 * rows) return `a leaf of ${leaf.length} bytes; ${rows} sums are ${8 * rows}`
  const view = new DataView(leaf.buffer, leaf.byteOffset, leaf.length)
  for (let row = 0; row < rows; row++) {
    const sum = sumAt(view, row)
    if (Math.abs(sum) > bound) return `sum ${row} is ${sum}; its magnitude is at most ${bound}`
  }
  return undefined
}

export function reduceSums({ constants, values }: Sums): {
  readonly result: GemvResult
  readonly artifacts: readonly Artifact[]
} {
  const dtype = constants.bound <= INT32_MAX ? 'int32' : 'float64'
  const size = dtype === 'int32' ? 4 : 8
  const view = new DataView(new ArrayBuffer(size * values.length))
  values.forEach((value, i) => {
    if (dtype === 'int32') view.setInt32(4 * i, value, true)
    else view.setFloat64(8 * i, value, true)
  })
  const bytes = new Uint8Array(view.buffer)
  const shape = [values.length]
  return {
    result: {
      length: values.length,
      dtype,
      digest: sha256Hex(bytes),
      ...factsOf(values.length, (i) => values[i] as number),
    },
    artifacts: [{ name: 'y', dtype, shape, bytes }],
  }
}
