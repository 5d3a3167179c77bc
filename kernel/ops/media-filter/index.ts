import type { InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import { bytesToWords } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { inputRef, operandBytes } from '../operand.ts'
import { placeTile, tileBytes, tileOf, tilesAcross } from '../tile-grid.ts'
import { type FilterArgs, filterArgs, SIDE_MAX } from './args.ts'
import { goldenFilter } from './golden.ts'
import {
  amountOf,
  columnEntry,
  type FilterConstants,
  type FilterPlan,
  PIXEL_BYTES,
  planFilter,
  rowEntry,
} from './plan.ts'
import {
  checkPixels,
  emptyPicture,
  type FilterResult,
  filterResult,
  type Picture,
  reducePicture,
} from './result.ts'
import { summariseFilter } from './summary.ts'
import type { AxisEntry } from './weights.ts'

const KERNEL = 'media/filter.v1'
const MODES = { blur: 0, resize: 0, sharpen: 1, edge: 2 } as const

function table(size: number, taps: number, entry: (i: number) => AxisEntry): Uint32Array {
  const words = new Uint32Array(size * (taps + 1))
  for (let i = 0; i < size; i++) {
    const { first, weights } = entry(i)
    words[i * (taps + 1)] = first
    words.set(weights, i * (taps + 1) + 1)
  }
  return words
}

function gpuFilter(args: FilterArgs, plan: FilterPlan, inputs: InputRefs): GpuProgram {
  const c = plan.constants
  const area = c.tile_rows * c.tile_columns
  const span = c.span_rows * c.tile_columns
  // A tile that is enlarged has fewer source rows than rows.
  const stage = Math.max(span, area)
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      MODES[args.filter],
      stage,
      c.rows,
      c.columns,
      c.source_rows,
      c.source_columns,
      tilesAcross(c),
      c.tile_columns,
      c.tile_rows,
      c.span_rows,
      c.x_taps,
      c.y_taps,
      amountOf(args),
      0,
      0,
      0,
    ),
    // Across the rows of the halo, then the tile itself.
    invocations: 2 * stage,
    stage_invocations: stage,
    slot_words: area + 2 * span,
    inputs: [
      {
        name: 'image',
        pack: (bytes) => bytesToWords(operandBytes('image', inputRef(inputs, 'image'), bytes)),
      },
      { name: 'image', pack: () => table(c.columns, c.x_taps, (i) => columnEntry(args, c, i)) },
      { name: 'image', pack: () => table(c.rows, c.y_taps, (i) => rowEntry(args, c, i)) },
    ],
    leaf: (shard, slot) => tileBytes(slot, c.tile_columns, tileOf(c, shard)),
  }
}

export const filterSpec: OpSpec<FilterArgs, FilterConstants, Picture, FilterResult> = {
  ref: { name: 'media', version: 1, profile: 'filter.v1' },
  title: 'Picture filter',
  description:
    'Blurs, sharpens or resizes an RGBA picture, or finds its edges, in fixed point: the pixels are the same, bit for ' +
    'bit, on every device. The picture is cut into tiles; a shard reads its tile and the halo around it.',
  args: filterArgs,
  inputs: {
    image: {
      title: 'Picture',
      description: `RGBA pixels, one byte a channel, shape [rows, columns, 4], at most ${SIDE_MAX} of either.`,
      dtypes: ['uint8'],
      rank: 3,
    },
  },
  example: { filter: 'blur', sigma: 3, amount: 1, width: 256, height: 256 },
  golden: goldenFilter,
  kernel: KERNEL,
  tables: [],
  plan: planFilter,
  gpu: ({ args, plan, inputRefs }) => gpuFilter(args, plan, inputRefs),
  checkLeaf: checkPixels,
  fold: {
    empty: emptyPicture,
    add: ({ constants, bytes }, shard, leaf) => placeTile(bytes, constants, shard, leaf, PIXEL_BYTES),
  },
  reduce: (_args, _plan, picture) => reducePicture(picture),
  result: filterResult,
  summarise: summariseFilter,
}

export const filter = defineOp(filterSpec)
