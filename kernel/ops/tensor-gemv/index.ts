import type { InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { inputRef, operandWords } from '../operand.ts'
import { type GemvArgs, gemvArgs } from './args.ts'
import { goldenGemv } from './golden.ts'
import {
  BLOCK_ROWS,
  DEPTH_MAX,
  type GemvConstants,
  type GemvPlan,
  planGemv,
  type Strides,
  shardRows,
  stridesOf,
} from './plan.ts'
import {
  checkSums,
  emptySums,
  type GemvResult,
  gemvResult,
  placeSums,
  reduceSums,
  type Sums,
} from './result.ts'
import { summariseGemv } from './summary.ts'

const KERNEL = 'tensor/gemv.v1'
/** Elements of one vec4 of the kernel, two a word. */
const QUAD = 8

/** Two elements a word, eight a quad, sixteen rows side by side, zeros beyond the matrix. */
function packRows(words: Uint32Array, c: GemvConstants, strides: Strides): Uint32Array {
  const quads = Math.ceil(c.depth / QUAD)
  const packed = new Uint32Array(Math.ceil(c.rows / BLOCK_ROWS) * BLOCK_ROWS * quads * 4)
  for (let row = 0; row < c.rows; row++) {
    const block = (Math.floor(row / BLOCK_ROWS) * quads * BLOCK_ROWS + (row % BLOCK_ROWS)) * 4
    let at = row * strides.row
    for (let k = 0; k < c.depth; k++, at += strides.depth) {
      const to = block + (k >> 3) * BLOCK_ROWS * 4 + ((k >> 1) & 3)
      packed[to] = (packed[to] as number) | (((words[at] as number) & 0xffff) << (16 * (k & 1)))
    }
  }
  return packed
}

function packVector(words: Uint32Array): Uint32Array {
  const packed = new Uint32Array(Math.ceil(words.length / QUAD) * 4)
  for (let k = 0; k < words.length; k++)
    packed[k >> 1] = (packed[k >> 1] as number) | (((words[k] as number) & 0xffff) << (16 * (k & 1)))
  return packed
}

function gpuGemv(args: GemvArgs, plan: GemvPlan, inputs: InputRefs): GpuProgram {
  const c = plan.constants
  const words = (name: string, bytes: Uint8Array) => operandWords(name, inputRef(inputs, name), bytes)
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(c.rows, Math.ceil(c.depth / QUAD), c.shard_rows, 0),
    invocations: c.shard_rows,
    slot_words: 2 * c.shard_rows,
    inputs: [
      { name: 'a', pack: (bytes) => packRows(words('a', bytes), c, stridesOf(args, c)) },
      { name: 'x', pack: (bytes) => packVector(words('x', bytes)) },
    ],
    leaf: (shard, slot) => wordsToBytes(slot.subarray(0, 2 * shardRows(c, shard))),
  }
}

export const gemvSpec: OpSpec<GemvArgs, GemvConstants, Sums, GemvResult> = {
  ref: { name: 'tensor', version: 1, profile: 'gemv.v1' },
  title: 'Matrix times vector',
  description:
    'Multiplies a matrix A, or its transpose, by a vector x, exactly: int8 or int16 elements, 64-bit integer sums. A ' +
    'shard computes a run of elements of the result.',
  args: gemvArgs,
  inputs: {
    a: {
      title: 'A',
      description: `The matrix, row-major, shape [rows, columns]; at most ${2 ** 25} elements, and at most ${DEPTH_MAX} along the sums.`,
      dtypes: ['int8', 'int16'],
      rank: 2,
    },
    x: {
      title: 'x',
      description: 'The vector: one element for each column of A, or for each row when A is transposed.',
      dtypes: ['int8', 'int16'],
      rank: 1,
    },
  },
  example: { transpose: false },
  golden: goldenGemv,
  kernel: KERNEL,
  tables: [],
  plan: planGemv,
  gpu: ({ args, plan, inputRefs }) => gpuGemv(args, plan, inputRefs),
  checkLeaf: checkSums,
  fold: { empty: emptySums, add: placeSums },
  reduce: (_args, _plan, sums) => reduceSums(sums),
  result: gemvResult,
  summarise: (_args, result) => summariseGemv(result),
}

export const gemv = defineOp(gemvSpec)
