import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { MAX_POSITIONS, type PortfolioArgs, portfolioArgs } from './args.ts'
import { goldenPortfolio } from './golden.ts'
import { LEAF_WORDS, type PortfolioConstants, type PortfolioPlan, planPortfolio } from './plan.ts'
import {
  checkPortfolioLeaf,
  estimatePortfolio,
  type PortfolioResult,
  type PortfolioSum,
  portfolioFold,
  portfolioResult,
  reducePortfolio,
  tailOutcomes,
} from './result.ts'
import { summarisePortfolio } from './summary.ts'

const KERNEL = 'mc/portfolio.v1'
const TABLES = ['normal-quantile', 'exp2'] as const
/** PATHS_PER_INVOCATION of the kernel. */
const PATHS_PER_INVOCATION = 64
const HEAD_WORDS = 12

function gpuPortfolio(args: PortfolioArgs, plan: PortfolioPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  const words = new Uint32Array(HEAD_WORDS + 4 * 64 + 4 * MAX_POSITIONS)
  words.set([
    key[0],
    key[1],
    plan.shard_count - 1,
    c.last_paths,
    c.log2_shard_paths,
    c.terms.length,
    args.returns === 'log' ? 1 : 0,
    args.tails === 'student' ? args.degrees_of_freedom : 0,
    c.tail_start,
    c.tail_shift,
    c.body_start,
    c.body_shift,
  ])
  for (const [i, row] of c.factor.entries()) words.set(row, HEAD_WORDS + 16 * i)
  for (const [i, { volatility, drift, weight, negative }] of c.terms.entries())
    words.set([volatility, drift, weight, negative], HEAD_WORDS + 4 * 64 + 4 * i)
  return {
    kernel: KERNEL,
    tables: TABLES,
    words,
    invocations: 2 ** c.log2_shard_paths / PATHS_PER_INVOCATION,
    slot_words: LEAF_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
}

export const portfolioSpec: OpSpec<PortfolioArgs, PortfolioConstants, PortfolioSum, PortfolioResult> = {
  ref: { name: 'mc', version: 1, profile: 'portfolio.v1' },
  title: 'Portfolio risk: value at risk and expected shortfall',
  description:
    'Simulates the loss of up to sixteen correlated positions over a horizon, with normal or Student tails and simple ' +
    'or logarithmic returns, and states the loss that is exceeded with the given small probability (value at risk), ' +
    'the mean loss beyond it (expected shortfall) and the losses of named stress scenarios. The Cholesky factor of the ' +
    'correlations is computed exactly, once, in the plan; all sums are exact integers, the same on every device.',
  args: portfolioArgs,
  inputs: {},
  example: {
    positions: [
      { name: 'Shares', exposure: 600_000, volatility: 0.18, expected_return: 0.06 },
      { name: 'Government bonds', exposure: 300_000, volatility: 0.06, expected_return: 0.025 },
      { name: 'Gold', exposure: 100_000, volatility: 0.15, expected_return: 0.02 },
    ],
    correlations: [
      [1, -0.2, 0.05],
      [-0.2, 1, 0.25],
      [0.05, 0.25, 1],
    ],
    horizon_days: 10,
    confidence: 0.99,
    returns: 'log',
    tails: 'student',
    degrees_of_freedom: 5,
    scenarios: [
      { name: 'Share crash', shocks: [-0.35, 0.05, 0.08] },
      { name: 'Rates rise by two points', shocks: [-0.08, -0.12, -0.05] },
    ],
    paths: 1_000_000,
  },
  golden: goldenPortfolio,
  kernel: KERNEL,
  tables: TABLES,
  plan: planPortfolio,
  gpu: ({ args, plan, key }) => gpuPortfolio(args, plan, key),
  checkLeaf: checkPortfolioLeaf,
  fold: portfolioFold,
  estimate: estimatePortfolio,
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    outcomes: (sum, plan, args) => tailOutcomes(args, plan, sum),
  },
  reduce: (args, plan, sum, convergence) => ({
    result: reducePortfolio(args, plan, sum, convergence),
    artifacts: [],
  }),
  result: portfolioResult,
  summarise: summarisePortfolio,
}

export const portfolio = defineOp(portfolioSpec)
