import { z } from 'zod'
import { defineOp } from '../../job.ts'
import type { OpSpec } from '../op.ts'
import { matmulProgram } from './gpu.ts'
import {
  checkTile,
  emptyProduct,
  type MatmulResult,
  matmulResult,
  type Product,
  placeTile,
  reduceProduct,
} from './product.ts'
import { summariseProduct } from './summary.ts'
import { DEPTH_MAX, type MatmulConstants, planTiles } from './tiles.ts'

const KERNEL = 'tensor/matmul.v1'

/** `tensor@1/matmul.v1`: int8 x int8 -> int32, exact. */
export const matmulSpec: OpSpec<Record<string, never>, MatmulConstants, Product, MatmulResult> = {
  ref: { name: 'tensor', version: 1, profile: 'matmul.v1' },
  title: 'Matrix product, int8',
  description:
    'Multiplies an int8 matrix A by an int8 matrix B into an int32 matrix C, exactly: every element is an integer sum ' +
    'of products that cannot overflow. The product is cut into tiles; each tile is one shard.',
  args: z
    .strictObject({})
    .meta({ title: 'No arguments', description: 'The operands are the whole question.' }),
  inputs: {
    a: {
      title: 'A',
      description: `The left matrix, int8, row-major, shape [rows, depth] with depth at most ${DEPTH_MAX}.`,
      dtypes: ['int8'],
      rank: 2,
    },
    b: {
      title: 'B',
      description: 'The right matrix, int8, row-major, shape [depth, columns].',
      dtypes: ['int8'],
      rank: 2,
    },
  },
  example: {},
  kernel: KERNEL,
  tables: [],
  plan: (_args, inputs) => planTiles(inputs),
  gpu: ({ plan }) => matmulProgram(plan, KERNEL),
  checkLeaf: checkTile,
  fold: { empty: emptyProduct, add: placeTile },
  reduce: (_args, _plan, product) => reduceProduct(product),
  result: matmulResult,
  summarise: (_args, result) => summariseProduct(result),
}

export const matmul = defineOp(matmulSpec)
