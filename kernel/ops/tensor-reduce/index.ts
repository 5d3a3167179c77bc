import type { InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { inputRef, operandWords } from '../operand.ts'
import { type ReduceArgs, reduceArgs } from './args.ts'
import { goldenReduce } from './golden.ts'
import {
  ITEM_WORDS,
  itemsOf,
  planReduce,
  type ReduceConstants,
  type ReducePlan,
  segmentsOf,
  shardItems,
} from './plan.ts'
import {
  addItems,
  checkReduced,
  emptyLines,
  type Lines,
  type ReduceResult,
  reduceLines,
  reduceResult,
} from './result.ts'
import { summariseReduce } from './summary.ts'

const KERNEL = 'tensor/reduce.v1'

function gpuReduce({ constants: c }: ReducePlan, inputs: InputRefs): GpuProgram {
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      itemsOf(c),
      c.shard_items,
      c.depth,
      c.line_stride,
      c.depth_stride,
      segmentsOf(c),
      c.segment_length,
      c.signed ? 0x80000000 : 0,
    ),
    invocations: c.shard_items,
    slot_words: ITEM_WORDS * c.shard_items,
    inputs: [{ name: 'x', pack: (bytes) => operandWords('x', inputRef(inputs, 'x'), bytes) }],
    leaf: (shard, slot) => wordsToBytes(slot.subarray(0, ITEM_WORDS * shardItems(c, shard))),
  }
}

export const reduceSpec: OpSpec<ReduceArgs, ReduceConstants, Lines, ReduceResult> = {
  ref: { name: 'tensor', version: 1, profile: 'reduce.v1' },
  title: 'Sums and extremes of a matrix',
  description:
    'Adds up the elements and their squares and finds the least and the greatest, of a whole integer matrix or of each ' +
    'of its rows or columns, exactly; mean and variance follow.',
  args: reduceArgs,
  inputs: {
    x: {
      title: 'x',
      description: 'Integers, row-major, shape [rows, columns]; at most 16,777,216 elements.',
      dtypes: ['int8', 'int16', 'int32', 'uint8', 'uint32'],
      rank: 2,
    },
  },
  example: { axis: 'all' },
  golden: goldenReduce,
  kernel: KERNEL,
  tables: [],
  plan: planReduce,
  gpu: ({ plan, inputRefs }) => gpuReduce(plan, inputRefs),
  checkLeaf: checkReduced,
  fold: { empty: emptyLines, add: addItems },
  reduce: (_args, _plan, lines) => reduceLines(lines),
  result: reduceResult,
  summarise: summariseReduce,
}

export const reduce = defineOp(reduceSpec)
