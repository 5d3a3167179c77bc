import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { OUTCOME_WORDS, type OutcomeSum, outcomeFold } from '../outcome.ts'
import { type InsuranceArgs, insuranceArgs } from './args.ts'
import { goldenInsurance } from './golden.ts'
import { type InsuranceConstants, type InsurancePlan, planInsurance } from './plan.ts'
import {
  checkInsuranceLeaf,
  estimateInsurance,
  type InsuranceResult,
  insuranceResult,
  reduceInsurance,
} from './result.ts'
import { summariseInsurance } from './summary.ts'
import { yearMayBeFree } from './theory.ts'

const KERNEL = 'mc/insurance.v1'
const TABLES = ['normal-quantile', 'exp2'] as const
/** YEARS_PER_INVOCATION of the kernel. */
const YEARS_PER_INVOCATION = 64

function gpuInsurance(plan: InsurancePlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  const words = new Uint32Array(16 + 256 + 32)
  words.set([
    key[0],
    key[1],
    plan.shard_count - 1,
    c.last_paths,
    c.log2_shard_paths,
    c.claim_location,
    c.claim_scale,
    c.catastrophe_location,
    c.catastrophe_scale,
    c.claim_deductible,
    c.claim_limit,
    c.catastrophe_limit,
    c.aggregate_deductible,
    c.aggregate_limit,
  ])
  words.set(c.claim_thresholds, 16)
  words.set(c.catastrophe_thresholds, 16 + 256)
  return {
    kernel: KERNEL,
    tables: TABLES,
    words,
    invocations: 2 ** c.log2_shard_paths / YEARS_PER_INVOCATION,
    slot_words: OUTCOME_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
}

export const insuranceSpec: OpSpec<InsuranceArgs, InsuranceConstants, OutcomeSum, InsuranceResult> = {
  ref: { name: 'mc', version: 1, profile: 'insurance.v1' },
  title: 'Insurance losses of a year',
  description:
    'Simulates the yearly loss of an insurer: a Poisson number of lognormal claims, each with a deductible and a limit, ' +
    'Pareto catastrophes, and an aggregate deductible and limit. States the pure premium, the losses of given return ' +
    'periods and the exceedance curve; without aggregate terms the mean is also given in closed form.',
  args: insuranceArgs,
  inputs: {},
  example: {
    claim_frequency: 40,
    claim_mean: 12_000,
    claim_deviation: 30_000,
    claim_deductible: 1000,
    claim_limit: 500_000,
    catastrophe_frequency: 0.1,
    catastrophe_threshold: 2_000_000,
    catastrophe_tail_index: 1.3,
    catastrophe_limit: 50_000_000,
    aggregate_deductible: 0,
    aggregate_limit: 0,
    years: 1_000_000,
  },
  golden: goldenInsurance,
  kernel: KERNEL,
  tables: TABLES,
  plan: planInsurance,
  gpu: ({ plan, key }) => gpuInsurance(plan, key),
  checkLeaf: checkInsuranceLeaf,
  fold: outcomeFold,
  estimate: (_args, plan, sum) => estimateInsurance(plan, sum),
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    outcomes: ({ samples, zeros }, _plan, args) =>
      yearMayBeFree(args) ? [zeros, samples - zeros] : [samples - zeros],
  },
  reduce: (args, plan, sum, convergence) => ({
    result: reduceInsurance(args, plan, sum, convergence),
    artifacts: [],
  }),
  result: insuranceResult,
  summarise: summariseInsurance,
}

export const insurance = defineOp(insuranceSpec)
