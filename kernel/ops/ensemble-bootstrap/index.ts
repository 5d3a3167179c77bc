import type { InputRef, InputRefs } from '../../contract.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { type BootstrapArgs, bootstrapArgs } from './args.ts'
import { CHUNK_ROWS, millionthsOf, packColumn } from './column.ts'
import { goldenBootstrap } from './golden.ts'
import { type BootstrapConstants, type BootstrapPlan, leafWords, planBootstrap } from './plan.ts'
import {
  type BootstrapResult,
  type BootstrapSum,
  bootstrapFold,
  bootstrapResult,
  checkBootstrapLeaf,
  estimateBootstrap,
  reduceBootstrap,
} from './result.ts'
import { summariseBootstrap } from './summary.ts'

const KERNEL = 'ensemble/bootstrap.v1'
/** Of a row's number, in stages, and the words that go from one to the next. */
const DIGITS = 5
const STATE_WORDS = 18

function gpuBootstrap(
  args: BootstrapArgs,
  plan: BootstrapPlan,
  key: readonly [number, number],
  inputs: InputRefs,
): GpuProgram {
  const c = plan.constants
  const resamples = 2 ** c.log2_shard_paths
  const words = leafWords(c.statistic_words, c.log2_shard_paths)
  const chunks = Math.max(Math.ceil(c.rows / CHUNK_ROWS), 1)
  const passes = args.statistic === 'quantile' && chunks > 1 ? DIGITS : 1
  const stages = chunks * passes
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      key[0],
      key[1],
      plan.shard_count - 1,
      c.last_paths,
      c.log2_shard_paths,
      ['mean', 'quantile', 'correlation'].indexOf(args.statistic),
      millionthsOf(args),
      chunks,
    ),
    invocations: stages * resamples,
    ...(stages > 1 ? { stage_invocations: resamples } : {}),
    slot_words: words + (passes > 1 ? STATE_WORDS * resamples : 0),
    inputs: [{ name: 'data', pack: (bytes) => packColumn(args, inputs.data as InputRef, bytes) }],
    leaf: (_shard, slot) => wordsToBytes(slot.subarray(0, words)),
  }
}

export const bootstrapSpec: OpSpec<BootstrapArgs, BootstrapConstants, BootstrapSum, BootstrapResult> = {
  ref: { name: 'ensemble', version: 1, profile: 'bootstrap.v1' },
  title: 'Bootstrap',
  description:
    'How far can a mean, a quantile or a correlation be trusted? Draws as many rows as the data has, with replacement, ' +
    'many times, and states the standard error and 95 % intervals of the statistic (Efron, 1979). Draws and sums are ' +
    'exact integers, the same on every device.',
  args: bootstrapArgs,
  inputs: {
    data: {
      title: 'Data',
      description:
        'A table of numbers, row by row: at most 1,048,576 rows. Rows with a number that is not finite, or beyond 2^400, are left out.',
      dtypes: ['float64', 'float32', 'int32'],
      rank: 2,
    },
  },
  example: { statistic: 'mean', column: 0, other_column: 1, percent: 50, resamples: 10_000 },
  golden: goldenBootstrap,
  kernel: KERNEL,
  tables: [],
  plan: planBootstrap,
  gpu: ({ args, plan, key, inputRefs }) => gpuBootstrap(args, plan, key, inputRefs),
  checkLeaf: checkBootstrapLeaf,
  fold: bootstrapFold,
  estimate: (_args, _plan, sum) => estimateBootstrap(sum),
  reduce: (_args, plan, sum, convergence) => ({
    result: reduceBootstrap(plan, sum, convergence),
    artifacts: [],
  }),
  result: bootstrapResult,
  summarise: summariseBootstrap,
}

export const bootstrap = defineOp(bootstrapSpec)
