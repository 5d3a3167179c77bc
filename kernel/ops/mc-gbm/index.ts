import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import type { OpSpec } from '../op.ts'
import { type GbmArgs, gbmArgs } from './args.ts'
import { goldenGbm } from './golden.ts'
import { gpuGbm, KERNEL, kernelOf, TABLES } from './gpu.ts'
import { type GbmConstants, planGbm } from './plan.ts'
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

export const gbmSpec: OpSpec<GbmArgs, GbmConstants, GbmAggregate, GbmResult> = {
  ref: { name: 'mc', version: 1, profile: 'gbm.v1' },
  title: 'Option price by Monte Carlo',
  description:
    'Prices a European, arithmetic-average Asian, digital, barrier or lookback option under geometric Brownian motion by ' +
    'simulating price paths, with its Greeks if asked. All sums are exact integers, the same on every device; the result ' +
    'states its standard error.',
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
  golden: goldenGbm,
  kernel: KERNEL,
  kernelOf,
  tables: TABLES,
  plan: planGbm,
  gpu: ({ args, plan, key }) => gpuGbm(args, plan, key),
  checkLeaf: checkGbmLeaf,
  fold: gbmFold,
  estimate: estimateGbm,
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    // A floating strike is the path's own extreme: a payoff of zero says no more than a small one.
    outcomes: ({ paths, zeros }, _plan, args) =>
      args.strike_type === 'floating' ? [paths - zeros] : [zeros, paths - zeros],
  },
  reduce: (args, plan, aggregate, convergence) => ({
    result: reduceGbm(args, plan, aggregate, convergence),
    artifacts: [],
  }),
  result: gbmResult,
  summarise: summariseGbm,
}

export const gbm = defineOp(gbmSpec)
