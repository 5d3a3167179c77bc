import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { type SirArgs, sirArgs } from './args.ts'
import { goldenSir } from './golden.ts'
import { LEAF_WORDS, planSir, type SirConstants, type SirPlan, STAGE_STEPS, STATE_WORDS } from './plan.ts'
import {
  checkSirLeaf,
  estimateSir,
  reduceSir,
  type SirResult,
  type SirSum,
  sirFold,
  sirResult,
} from './result.ts'
import { summariseSir } from './summary.ts'

const KERNEL = 'ensemble/sir.v1'
const TABLES = ['normal-quantile', 'exp2'] as const

function gpuSir(plan: SirPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  const runs = 2 ** c.log2_shard_paths
  const stages = Math.ceil(c.steps / STAGE_STEPS)
  return {
    kernel: KERNEL,
    tables: TABLES,
    words: Uint32Array.of(
      key[0],
      key[1],
      plan.shard_count - 1,
      c.last_paths,
      c.log2_shard_paths,
      c.steps,
      c.susceptible,
      c.infectious,
      c.population_shift,
      c.force,
      c.recovery,
      c.outbreak,
      c.bin_shift,
      0,
      0,
      0,
    ),
    invocations: stages * runs,
    stage_invocations: runs,
    slot_words: LEAF_WORDS + (stages > 1 ? STATE_WORDS * runs : 0),
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot.subarray(0, LEAF_WORDS)),
  }
}

export const sirSpec: OpSpec<SirArgs, SirConstants, SirSum, SirResult> = {
  ref: { name: 'ensemble', version: 1, profile: 'sir.v1' },
  title: 'Epidemic ensemble',
  description:
    'Runs a stochastic epidemic of susceptible, infectious and recovered people many times: how large it gets, how ' +
    'probable a large outbreak is, when it peaks, and the course of the infectious with its spread over the runs. Whole ' +
    'people only, the same runs on every device.',
  args: sirArgs,
  inputs: {},
  example: {
    population: 100_000,
    initially_infectious: 10,
    initially_immune: 0,
    transmission_rate: 0.4,
    recovery_rate: 0.2,
    days: 160,
    steps_per_day: 4,
    runs: 20_000,
  },
  golden: goldenSir,
  kernel: KERNEL,
  tables: TABLES,
  plan: planSir,
  gpu: ({ plan, key }) => gpuSir(plan, key),
  checkLeaf: checkSirLeaf,
  fold: sirFold,
  estimate: (args, _plan, sum) => estimateSir(args, sum),
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    // Somebody is always infected at the start: no outcome is zero.
    outcomes: () => [],
  },
  reduce: (args, plan, sum, convergence) => ({
    result: reduceSir(args, plan, sum, convergence),
    artifacts: [],
  }),
  result: sirResult,
  summarise: summariseSir,
}

export const sir = defineOp(sirSpec)
