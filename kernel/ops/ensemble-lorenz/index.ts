import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { type LorenzArgs, lorenzArgs } from './args.ts'
import { goldenLorenz } from './golden.ts'
import { LEAF_WORDS, type LorenzConstants, type LorenzPlan, planLorenz } from './plan.ts'
import {
  checkLorenzLeaf,
  estimateLorenz,
  type LorenzResult,
  type LorenzSum,
  lorenzFold,
  lorenzResult,
  reduceLorenz,
} from './result.ts'
import { summariseLorenz } from './summary.ts'

const KERNEL = 'ensemble/lorenz.v1'
const TABLES = ['normal-quantile'] as const

function gpuLorenz(args: LorenzArgs, plan: LorenzPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  return {
    kernel: KERNEL,
    tables: TABLES,
    words: Uint32Array.of(
      key[0],
      key[1],
      plan.shard_count - 1,
      c.last_paths,
      c.log2_shard_paths,
      args.steps,
      c.x,
      c.y,
      c.z,
      c.error,
      c.sigma,
      c.step,
      c.beta,
      c.coupling,
      c.rho,
      ['x', 'y', 'z'].indexOf(args.coordinate),
    ),
    invocations: 2 ** c.log2_shard_paths,
    slot_words: LEAF_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
}

export const lorenzSpec: OpSpec<LorenzArgs, LorenzConstants, LorenzSum, LorenzResult> = {
  ref: { name: 'ensemble', version: 1, profile: 'lorenz.v1' },
  title: 'Chaotic ensemble forecast',
  description:
    "Forecasts Lorenz's chaotic system of convection from many slightly wrong starts and shows how the forecasts spread " +
    'until nothing is left of them. A single rounding that differs would change every digit; all arithmetic is integer, ' +
    'so that every device gives the same bytes after thousands of steps.',
  args: lorenzArgs,
  inputs: {},
  example: {
    sigma: 10,
    rho: 28,
    beta: 2.6666666666666665,
    x: 1,
    y: 1,
    z: 20,
    initial_error: 0.001,
    time_step: 0.01,
    steps: 3000,
    coordinate: 'x',
    runs: 10_000,
  },
  golden: goldenLorenz,
  kernel: KERNEL,
  tables: TABLES,
  plan: planLorenz,
  gpu: ({ args, plan, key }) => gpuLorenz(args, plan, key),
  checkLeaf: checkLorenzLeaf,
  fold: lorenzFold,
  estimate: (_args, _plan, sum) => estimateLorenz(sum),
  stopping: {
    // A coordinate is bounded and spreads over the attractor: its mean is near normal after far fewer runs.
    first_look: 4096,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    outcomes: () => [],
  },
  reduce: (args, _plan, sum, convergence) => ({
    result: reduceLorenz(args, sum, convergence),
    artifacts: [],
  }),
  result: lorenzResult,
  summarise: summariseLorenz,
}

export const lorenz = defineOp(lorenzSpec)
