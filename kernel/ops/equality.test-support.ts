import type { JsonObject } from '../canonical.ts'
import type { Dtype } from '../contract.ts'
import { philox4x32 } from '../numerics/philox.ts'
import type { Operand } from './op.ts'
import { DTYPE_BYTES, elementCount } from './operand.ts'

/**
 * Shards of a contract on which every executor must agree, byte for byte. `CONTRACTS` in an op's
 * equality.test-support.ts holds some, which agent-runtime/equality-cases.test-support.ts finds there.
 */
export interface EqualityContract {
  readonly name: string
  readonly args: JsonObject
  readonly operands?: () => Readonly<Record<string, Operand>>
  /** First shard and number of shards; by default shard 0 alone. */
  readonly first?: number
  readonly count?: number
}

/** A byte from its index and a random word; only its low 8 bits count. */
export type Fill = (i: number, random: number) => number

export const anyByte: Fill = (_, random) => random & 0xff

/** An operand whose bytes `fill` chooses; `stream` numbers the random words. */
export function filledOperand(dtype: Dtype, shape: readonly number[], stream: number, fill: Fill): Operand {
  const words = new Uint32Array(4)
  const bytes = new Uint8Array(DTYPE_BYTES[dtype] * elementCount(shape))
  for (let i = 0; i < bytes.length; i++) {
    philox4x32(words, i, 0, 0, stream, 0x5eed, 0)
    bytes[i] = fill(i, words[0] as number)
  }
  return { dtype, shape, bytes }
}
