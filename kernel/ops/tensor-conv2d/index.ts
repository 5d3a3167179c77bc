import type { InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { inputRef, operandBytes } from '../operand.ts'
import { type Conv2dArgs, conv2dArgs } from './args.ts'
import { goldenConv2d } from './golden.ts'
import {
  BLOCK,
  blocksOf,
  type Conv2dConstants,
  type Conv2dPlan,
  itemsOf,
  planConv2d,
  shardItems,
  tapsOf,
} from './plan.ts'
import {
  type Conv2dResult,
  checkItems,
  conv2dResult,
  emptyPlanes,
  type Planes,
  placeItems,
  reducePlanes,
} from './result.ts'
import { summariseConv2d } from './summary.ts'

const KERNEL = 'tensor/conv2d.v1'

/** [image][row][column][channel words]: four channels a word, the lowest byte first. */
function packImages(bytes: Uint8Array, c: Conv2dConstants): Uint32Array {
  const words = Math.ceil(c.channels / BLOCK)
  const pixels = c.rows * c.columns
  const packed = new Uint32Array(c.images * pixels * words)
  let from = 0
  for (let image = 0; image < c.images; image++) {
    for (let channel = 0; channel < c.channels; channel++) {
      const shift = 8 * (channel % BLOCK)
      let to = image * pixels * words + (channel >> 2)
      for (let pixel = 0; pixel < pixels; pixel++, to += words)
        packed[to] = (packed[to] as number) | ((bytes[from++] as number) << shift)
    }
  }
  return packed
}

/** [block of output channels][kernel row][kernel column][channel words][output channel of the block]. */
function packWeights(bytes: Uint8Array, c: Conv2dConstants): Uint32Array {
  const words = Math.ceil(c.channels / BLOCK)
  const taps = c.kernel_rows * c.kernel_columns
  const packed = new Uint32Array(blocksOf(c) * taps * words * BLOCK)
  let from = 0
  for (let out = 0; out < c.out_channels; out++) {
    const block = Math.floor(out / BLOCK) * taps * words * BLOCK + (out % BLOCK)
    for (let channel = 0; channel < c.channels; channel++) {
      const shift = 8 * (channel % BLOCK)
      for (let tap = 0; tap < taps; tap++) {
        const to = block + (tap * words + (channel >> 2)) * BLOCK
        packed[to] = (packed[to] as number) | ((bytes[from++] as number) << shift)
      }
    }
  }
  return packed
}

function gpuConv2d(args: Conv2dArgs, plan: Conv2dPlan, inputs: InputRefs): GpuProgram {
  const c = plan.constants
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      itemsOf(c),
      c.shard_items,
      c.out_rows * c.out_columns,
      c.out_columns,
      blocksOf(c),
      c.rows,
      c.columns,
      Math.ceil(c.channels / BLOCK),
      c.kernel_columns,
      tapsOf(c),
      args.stride,
      args.padding,
      args.dilation,
      0,
    ),
    invocations: c.shard_items,
    slot_words: BLOCK * c.shard_items,
    inputs: [
      { name: 'x', pack: (bytes) => packImages(operandBytes('x', inputRef(inputs, 'x'), bytes), c) },
      { name: 'w', pack: (bytes) => packWeights(operandBytes('w', inputRef(inputs, 'w'), bytes), c) },
    ],
    leaf: (shard, slot) => wordsToBytes(slot.subarray(0, BLOCK * shardItems(c, shard))),
  }
}

export const conv2dSpec: OpSpec<Conv2dArgs, Conv2dConstants, Planes, Conv2dResult> = {
  ref: { name: 'tensor', version: 1, profile: 'conv2d.v1' },
  title: 'Two-dimensional convolution',
  description:
    'Correlates int8 images of any number of channels with int8 kernels into int32 images, exactly, with stride, ' +
    'padding and dilation, as the layers of a quantised neural network do.',
  args: conv2dArgs,
  inputs: {
    x: {
      title: 'x',
      description: 'Images, int8, shape [images, channels, rows, columns].',
      dtypes: ['int8'],
      rank: 4,
    },
    w: {
      title: 'w',
      description: 'Kernels, int8, shape [output channels, channels, rows, columns].',
      dtypes: ['int8'],
      rank: 4,
    },
  },
  example: { stride: 1, padding: 1, dilation: 1 },
  golden: goldenConv2d,
  kernel: KERNEL,
  tables: [],
  plan: planConv2d,
  gpu: ({ args, plan, inputRefs }) => gpuConv2d(args, plan, inputRefs),
  checkLeaf: checkItems,
  fold: { empty: emptyPlanes, add: placeItems },
  reduce: (_args, _plan, planes) => reducePlanes(planes),
  result: conv2dResult,
  summarise: (_args, result) => summariseConv2d(result),
}

export const conv2d = defineOp(conv2dSpec)
