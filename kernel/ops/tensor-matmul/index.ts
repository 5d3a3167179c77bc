import { defineOp } from '../../job.ts'
import type { OpSpec } from '../op.ts'
import { type MatmulArgs, matmulArgs } from './args.ts'
import { goldenMatmul } from './golden.ts'
import { matmulProgram } from './gpu.ts'
import {
  checkTile,
  emptyProduct,
  type MatmulResult,
  matmulResult,
  type Product,
  placeProductTile,
  reduceProduct,
} from './product.ts'
import { summariseProduct } from './summary.ts'
import { DEPTH_MAX, type MatmulConstants, planTiles } from './tiles.ts'

const KERNEL = 'tensor/matmul.v1'

/** `tensor@1/matmul.v1`: int8 x int8 -> int32, exact, and what can be had from that. */
export const matmulSpec: OpSpec<MatmulArgs, MatmulConstants, Product, MatmulResult> = {
  ref: { name: 'tensor', version: 1, profile: 'matmul.v1' },
  title: 'Matrix product',
  description:
    'Multiplies matrices exactly: int8 into int32, and int16 into the exact integers as float64. float32 matrices are ' +
    'rounded once to integers of 16 or 24 bits that share powers of two, multiplied exactly, and rounded once to ' +
    'float32; the result states the largest error. The product is cut into tiles; each tile is one shard.',
  args: matmulArgs,
  inputs: {
    a: {
      title: 'A',
      description: `The left matrix, row-major, shape [rows, depth] with depth at most ${DEPTH_MAX}.`,
      dtypes: ['int8', 'int16', 'float32'],
      rank: 2,
    },
    b: {
      title: 'B',
      description: 'The right matrix, row-major, shape [depth, columns].',
      dtypes: ['int8', 'int16', 'float32'],
      rank: 2,
    },
  },
  example: {},
  golden: goldenMatmul,
  kernel: KERNEL,
  tables: [],
  plan: planTiles,
  gpu: ({ args, plan, inputRefs }) => matmulProgram(args, plan, inputRefs, KERNEL),
  checkLeaf: checkTile,
  fold: { empty: emptyProduct, add: placeProductTile },
  reduce: (_args, _plan, product) => reduceProduct(product),
  result: matmulResult,
  summarise: (_args, result) => summariseProduct(result),
}

export const matmul = defineOp(matmulSpec)
