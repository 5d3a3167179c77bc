import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { type GbmArgs, gbmArgs } from './args.ts'
import { type GbmConstants, type GbmPlan, LEAF_WORDS, planGbm } from './plan.ts'
import {
  checkGbmLeaf,
  estimateGbm,
  type GbmAggregate,
  type GbmResult,
  gbmFold,
  gbmResult,
  reduceGbm,
} from './result.ts'
import { summariseGbm } from './summary.ts'

const KERNEL = 'mc/gbm.v1'
const TABLES = ['normal-quantile', 'exp2'] as const

/** Path-steps of one GPU invocation, about. Its loops stay below 2 * 4096 + 1024 iterations. */
const INVOCATION_STEPS = 1024

export function gpuGbm(args: GbmArgs, plan: GbmPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  const asian = args.style === 'asian'
  const shardPaths = 1 << c.log2_shard_paths
  const pathsPerInvocation = Math.max(Math.floor(INVOCATION_STEPS / args.steps), 1)
  return {
    kernel: KERNEL,
    tables: TABLES,
    words: Uint32Array.of(
      key[0],
      key[1],
      plan.shard_count - 1,
      c.last_paths,
      c.log2_shard_paths,
      pathsPerInvocation,
      args.steps,
      asian ? 1 : 0,
      c.normal_shift,
      c.volatility,
      c.x_bits,
      asian ? c.step_drift_fraction : 0,
      asian ? c.step_drift : c.total_drift,
      args.right === 'put' ? 1 : 0,
      c.strike,
      30 - c.ratio_bits,
      c.average_shift,
      c.average_factor,
      c.bin_shift,
      0,
    ),
    invocations: Math.ceil(shardPaths / pathsPerInvocation),
    slot_words: LEAF_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
}

export const gbmSpec: OpSpec<GbmArgs, GbmConstants, GbmAggregate, GbmResult> = {
  ref: { name: 'mc', version: 1, profile: 'gbm.v1' },
  title: 'Option price by Monte Carlo',
  description:
    'Prices a European or an arithmetic-average Asian option under geometric Brownian motion by simulating price ' +
    'paths. All sums are exact integers, the same on every device; the result states its standard error.',
  args: gbmArgs,
  inputs: {},
  example: {
    spot: 100,
    strike: 105,
    rate: 0.03,
    dividend_yield: 0,
    volatility: 0.2,
    maturity_years: 1,
    steps: 252,
    paths: 1_000_000,
    style: 'asian',
    right: 'call',
  },
  kernel: KERNEL,
  tables: TABLES,
  plan: planGbm,
  gpu: ({ args, plan, key }) => gpuGbm(args, plan, key),
  checkLeaf: checkGbmLeaf,
  fold: gbmFold,
  estimate: estimateGbm,
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    outcomes: ({ paths, zeros }) => [zeros, paths - zeros],
  },
  reduce: (args, plan, aggregate, convergence) => ({
    result: reduceGbm(args, plan, aggregate, convergence),
    artifacts: [],
  }),
  result: gbmResult,
  summarise: summariseGbm,
}

export const gbm = defineOp(gbmSpec)
