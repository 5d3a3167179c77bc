import type { InputRefs } from '../../contract.ts'
import { ForgeError } from '../../errors.ts'
import type { Plan } from '../op.ts'
import { DTYPE_BYTES, type IntegerDtype, inputRef } from '../operand.ts'
import type { ElementwiseArgs } from './args.ts'

export type ElementwiseConstants = {
  readonly rows: number
  readonly columns: number
  /** Elements of b: as many as a has, one row, or one. */
  readonly b_length: number
  readonly shard_elements: number
  readonly element_bytes: number
}

export type ElementwisePlan = Plan<ElementwiseConstants>

/** One word an element: 64 MiB. */
const ELEMENTS_MAX = 2 ** 24
/** Elements of an invocation. */
export const RUN = 16
/** A leaf of at most 512 KiB and a count; some 0.01 s of one core. */
const SHARD_ELEMENTS_MAX = 2 ** 17
/** Elements of the reference per work unit, that is, per microsecond. */
const ELEMENTS_PER_UNIT = 32

export function shardElements(c: ElementwiseConstants, shard: number): number {
  return Math.min(c.shard_elements, c.rows * c.columns - shard * c.shard_elements)
}

/** @throws ForgeError INPUT_INVALID when the shapes do not go together, or are too large */
export function planElementwise(args: ElementwiseArgs, inputs: InputRefs): ElementwisePlan {
  const [rows, columns] = inputRef(inputs, 'a').shape as [number, number]
  const [bRows, bColumns] = inputRef(inputs, 'b').shape as [number, number]
  const whole = bRows === rows && bColumns === columns
  const one = bRows === 1 && (bColumns === 1 || bColumns === columns)
  if (!whole && !one) {
    throw new ForgeError('INPUT_INVALID', `a is ${rows} x ${columns} and b ${bRows} x ${bColumns}`, {
      path: 'inputs.b.shape',
      hint: `Give b as [${rows}, ${columns}], as one row [1, ${columns}] or as [1, 1].`,
    })
  }
  const elements = rows * columns
  if (elements > ELEMENTS_MAX)
    throw new ForgeError('INPUT_INVALID', `a has ${elements} elements; the limit is ${ELEMENTS_MAX}`, {
      path: 'inputs.a.shape',
      hint: 'Cut the tensors into parts and send one contract for each.',
    })
  const shard_elements = Math.min(SHARD_ELEMENTS_MAX, Math.ceil(elements / RUN) * RUN)
  const element_bytes = DTYPE_BYTES[args.result satisfies IntegerDtype]
  return {
    shard_count: Math.ceil(elements / shard_elements),
    work_units: Math.ceil(elements / ELEMENTS_PER_UNIT),
    leaf: { kind: 'blob', max_bytes: Math.min(elements, shard_elements) * element_bytes + COUNT_BYTES },
    constants: { rows, columns, b_length: bRows * bColumns, shard_elements, element_bytes },
  }
}

/** How many elements of a shard were saturated, at the end of its leaf. */
export const COUNT_BYTES = 4
