import type { InputRef, InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import { LIMITS } from '../../limits.ts'
import type { Plan } from '../op.ts'
import { inputRef } from '../operand.ts'
import { log2Ceil } from '../tile-grid.ts'
import type { NttArgs } from './args.ts'
import { FIELDS } from './field.ts'

export type NttConstants = {
  readonly a_length: number
  readonly b_length: number
  /** log2 of the transform's length N, of a factor's size M, and of the number of factors S = N / M. */
  readonly log2_length: number
  readonly log2_size: number
  readonly log2_parts: number
  /** Whether a coefficient can be negative. */
  readonly signed: boolean
}

export type NttPlan = Plan<NttConstants>

/** The kernel's stages need 64 points; more than 2^22 would be slow to put together at the hub. */
const LOG2_LENGTH_MIN = 6
const LOG2_LENGTH_MAX = 22
/** A leaf of 2^16 words; its transforms take some 0.02 s of one core. */
const LOG2_SIZE_MAX = 16
/** Steps of the reference per work unit, that is, per microsecond. */
const STEPS_PER_UNIT = 40

export const isSigned = ({ dtype }: InputRef): boolean => dtype.startsWith('int')

/** @throws ForgeError INPUT_INVALID when the convolution is too long, or a digit of a product is not a uint32 */
export function planNtt(args: NttArgs, inputs: InputRefs): NttPlan {
  const [a, b] = [inputRef(inputs, 'a'), inputRef(inputs, 'b')]
  const [a_length, b_length] = [a.shape[0] as number, b.shape[0] as number]
  const length = a_length + b_length - 1
  if (length > 2 ** LOG2_LENGTH_MAX) {
    throw new ForgeError(
      'INPUT_INVALID',
      `the convolution has ${length} coefficients; the limit is ${2 ** LOG2_LENGTH_MAX}`,
      {
        path: 'inputs.b.shape',
        hint: 'Cut one operand into blocks, send one contract for each and add the results, shifted.',
      },
    )
  }
  if (args.operation === 'product') {
    for (const [name, { dtype }] of [['a', a] as const, ['b', b] as const]) {
      if (dtype !== 'uint32')
        throw new ForgeError('INPUT_INVALID', `the digits "${name}" of a product have dtype ${dtype}`, {
          path: `inputs.${name}.dtype`,
          hint: 'Give the number as uint32 words, the lowest first.',
        })
    }
  }
  const log2_length = Math.max(LOG2_LENGTH_MIN, log2Ceil(length))
  const log2_size = Math.min(log2_length, LOG2_SIZE_MAX)
  const log2_parts = log2_length - log2_size
  const max_bytes = 4 * 2 ** log2_size
  const shards = FIELDS.length * 2 ** log2_parts
  // Folding both operands, a table of roots, and three transforms.
  const steps = 2 ** (log2_length + 1) + 2 ** log2_size * (2 + 1.5 * log2_size)
  return {
    shard_count: shards,
    work_units: Math.ceil((shards * steps) / STEPS_PER_UNIT),
    leaf: { kind: max_bytes <= LIMITS.inline_leaf_bytes ? 'inline' : 'blob', max_bytes },
    constants: { a_length, b_length, log2_length, log2_size, log2_parts, signed: isSigned(a) || isSigned(b) },
  }
}
