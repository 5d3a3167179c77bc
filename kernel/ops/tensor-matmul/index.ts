import { z } from 'zod'
import { defineOp } from '../../job.ts'
import { placeTile } from '../tile-grid.ts'
import { matmulProgram } from './gpu.ts'
import { checkTile, emptyProduct, matmulResult, reduceProduct } from './product.ts'
import { multiplyTile } from './reference.ts'
import { summariseProduct } from './summary.ts'
import { DEPTH_MAX, planTiles } from './tiles.ts'

const KERNEL = 'tensor/matmul.v1'
const ELEMENT_BYTES = 4

/** `tensor@1/matmul.v1`: int8 x int8 -> int32, exact. */
export const matmul = defineOp({
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
  reference: ({ plan, inputs }, shard) => multiplyTile(plan.constants, inputs, shard),
  checkLeaf: checkTile,
  fold: {
    empty: emptyProduct,
    add: ({ constants, bytes }, shard, leaf) => placeTile(bytes, constants, shard, leaf, ELEMENT_BYTES),
  },
  reduce: (_args, _plan, product) => reduceProduct(product),
  result: matmulResult,
  summarise: (_args, result) => summariseProduct(result),
})
