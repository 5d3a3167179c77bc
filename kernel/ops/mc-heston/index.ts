import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { OUTCOME_WORDS, type OutcomeSum, outcomeFold } from '../outcome.ts'
import { type HestonArgs, hestonArgs } from './args.ts'
import { goldenHeston } from './golden.ts'
import { type HestonConstants, type HestonPlan, planHeston } from './plan.ts'
import { checkHestonLeaf, estimateHeston, type HestonResult, hestonResult, reduceHeston } from './result.ts'
import { summariseHeston } from './summary.ts'

const KERNEL = 'mc/heston.v1'
const TABLES = ['normal-quantile', 'exp2'] as const

/** Path-steps of one GPU invocation, about. Its loops stay below 4096 iterations. */
const INVOCATION_STEPS = 1024

function gpuHeston(args: HestonArgs, plan: HestonPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
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
      c.variance,
      c.price_noise,
      c.price_drift,
      c.reversion,
      c.pull,
      c.pull_fraction,
      c.variance_noise,
      c.correlation,
      c.correlation_rest,
      args.correlation < 0 ? 1 : 0,
      c.total_drift,
      args.right === 'put' ? 1 : 0,
      c.strike,
      30 - c.ratio_bits,
      c.bin_shift,
      0,
      0,
    ),
    invocations: Math.ceil((1 << c.log2_shard_paths) / pathsPerInvocation),
    slot_words: OUTCOME_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
}

export const hestonSpec: OpSpec<HestonArgs, HestonConstants, OutcomeSum, HestonResult> = {
  ref: { name: 'mc', version: 1, profile: 'heston.v1' },
  title: 'Option price under stochastic volatility',
  description:
    'Prices a European option in the Heston model, where the variance of the price follows its own mean-reverting ' +
    'random walk, by simulating both with the full-truncation Euler scheme (Lord, Koekkoek and van Dijk, 2010). All ' +
    'sums are exact integers, the same on every device; the result states its standard error and checks the mean ' +
    'price at maturity against theory.',
  args: hestonArgs,
  inputs: {},
  example: {
    spot: 100,
    strike: 100,
    rate: 0.03,
    dividend_yield: 0,
    initial_variance: 0.04,
    long_run_variance: 0.04,
    mean_reversion: 1.5,
    variance_volatility: 0.3,
    correlation: -0.7,
    maturity_years: 1,
    steps: 252,
    paths: 200_000,
    right: 'call',
  },
  golden: goldenHeston,
  kernel: KERNEL,
  tables: TABLES,
  plan: planHeston,
  gpu: ({ args, plan, key }) => gpuHeston(args, plan, key),
  checkLeaf: checkHestonLeaf,
  fold: outcomeFold,
  estimate: estimateHeston,
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    outcomes: ({ samples, zeros }) => [zeros, samples - zeros],
  },
  reduce: (args, plan, sum, convergence) => ({
    result: reduceHeston(args, plan, sum, convergence),
    artifacts: [],
  }),
  result: hestonResult,
  summarise: summariseHeston,
}

export const heston = defineOp(hestonSpec)
