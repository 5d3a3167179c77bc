import type { Dtype, InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { DTYPE_RANGE, inputRef, operandWords } from '../operand.ts'
import { type ElementwiseArgs, elementwiseArgs, OPERATIONS } from './args.ts'
import { goldenElementwise } from './golden.ts'
import {
  type ElementwiseConstants,
  type ElementwisePlan,
  planElementwise,
  RUN,
  shardElements,
} from './plan.ts'
import {
  checkElements,
  type Elements,
  type ElementwiseResult,
  elementwiseResult,
  emptyElements,
  leafOf,
  placeElements,
  reduceElements,
} from './result.ts'
import { summariseElementwise } from './summary.ts'

const KERNEL = 'tensor/elementwise.v1'

const biasOf = (dtype: Dtype): number => (dtype.startsWith('int') ? 0x80000000 : 0)

function gpuElementwise(args: ElementwiseArgs, plan: ElementwisePlan, inputs: InputRefs): GpuProgram {
  const c = plan.constants
  const { min, max } = DTYPE_RANGE[args.result]
  const runs = c.shard_elements / RUN
  const pack = (name: string) => (bytes: Uint8Array) => operandWords(name, inputRef(inputs, name), bytes)
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      OPERATIONS.indexOf(args.operation),
      c.rows * c.columns,
      c.b_length,
      c.shard_elements,
      biasOf(inputRef(inputs, 'a').dtype),
      biasOf(inputRef(inputs, 'b').dtype),
      biasOf(args.result),
      args.shift,
      max,
      -min,
      0,
      0,
    ),
    invocations: runs,
    slot_words: c.shard_elements + runs,
    inputs: [
      { name: 'a', pack: pack('a') },
      { name: 'b', pack: pack('b') },
    ],
    leaf: (shard, slot) => {
      const saturated = slot.subarray(c.shard_elements).reduce((sum, count) => sum + count, 0)
      return leafOf(slot.subarray(0, shardElements(c, shard)), saturated, c.element_bytes)
    },
  }
}

const DTYPES = ['int8', 'int16', 'int32', 'uint8', 'uint32'] as const

export const elementwiseSpec: OpSpec<ElementwiseArgs, ElementwiseConstants, Elements, ElementwiseResult> = {
  ref: { name: 'tensor', version: 1, profile: 'elementwise.v1' },
  title: 'Element by element',
  description:
    'Adds, subtracts, multiplies or compares two integer tensors element by element, with exact intermediate values, ' +
    'an optional rounded shift, and a saturating result whose saturations are counted.',
  args: elementwiseArgs,
  inputs: {
    a: { title: 'a', description: 'Integers, shape [rows, columns].', dtypes: DTYPES, rank: 2 },
    b: {
      title: 'b',
      description:
        'Integers: of the shape of a, one row [1, columns] for every row, or one element [1, 1] for all.',
      dtypes: DTYPES,
      rank: 2,
    },
  },
  example: { operation: 'multiply', shift: 0, result: 'int32' },
  golden: goldenElementwise,
  kernel: KERNEL,
  tables: [],
  plan: planElementwise,
  gpu: ({ args, plan, inputRefs }) => gpuElementwise(args, plan, inputRefs),
  checkLeaf: checkElements,
  fold: { empty: emptyElements, add: placeElements },
  reduce: (args, _plan, elements) => reduceElements(args, elements),
  result: elementwiseResult,
  summarise: summariseElementwise,
}

export const elementwise = defineOp(elementwiseSpec)
