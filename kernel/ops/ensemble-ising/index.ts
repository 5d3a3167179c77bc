import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { type IsingArgs, isingArgs } from './args.ts'
import { goldenIsing } from './golden.ts'
import { type IsingConstants, type IsingPlan, LEAF_WORDS, NARROW_SIZE, planIsing } from './plan.ts'
import {
  checkIsingLeaf,
  estimateIsing,
  type IsingResult,
  type IsingSum,
  isingFold,
  isingResult,
  reduceIsing,
} from './result.ts'
import { summariseIsing } from './summary.ts'

const KERNEL = 'ensemble/ising.v1'

/** One invocation a row; the stages as the kernel's header has them; spins and four sums of a replica behind the leaf. */
function inStages(c: IsingConstants) {
  const replicas = 2 ** c.log2_shard_paths
  const stages = 1 + 2 * c.burn_in + c.measurements * (2 * c.interval + 2)
  return {
    invocations: stages * replicas * c.size,
    stage_invocations: replicas * c.size,
    slot_words: LEAF_WORDS + replicas * ((c.size * c.size) / 32 + 4),
  }
}

function gpuIsing(args: IsingArgs, plan: IsingPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  return {
    kernel: KERNEL,
    tables: [],
    words: Uint32Array.of(
      key[0],
      key[1],
      plan.shard_count - 1,
      c.last_paths,
      c.log2_shard_paths,
      c.size,
      c.sweeps,
      c.burn_in,
      c.interval,
      c.accept_three,
      c.accept_four,
      args.start === 'random' ? 1 : 0,
      c.bin_shift,
      0,
      0,
      0,
    ),
    ...(c.size > NARROW_SIZE
      ? inStages(c)
      : { invocations: 2 ** c.log2_shard_paths, slot_words: LEAF_WORDS }),
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot.subarray(0, LEAF_WORDS)),
  }
}

export const isingSpec: OpSpec<IsingArgs, IsingConstants, IsingSum, IsingResult> = {
  ref: { name: 'ensemble', version: 1, profile: 'ising.v1' },
  title: 'Ising model',
  description:
    'Simulates independent replicas of the two-dimensional Ising model of a magnet with the Metropolis algorithm on a ' +
    'checkerboard, and states magnetisation, energy, heat capacity, susceptibility and Binder cumulant with standard ' +
    'errors from the replicas, beside the exact magnetisation of the infinite lattice. Bits and integers only, the same ' +
    'lattices on every device.',
  args: isingArgs,
  inputs: {},
  example: {
    size: 32,
    temperature: 2.1,
    start: 'ordered',
    burn_in: 256,
    measured: 512,
    interval: 8,
    replicas: 512,
  },
  golden: goldenIsing,
  kernel: KERNEL,
  tables: [],
  plan: planIsing,
  gpu: ({ args, plan, key }) => gpuIsing(args, plan, key),
  checkLeaf: checkIsingLeaf,
  fold: isingFold,
  estimate: (_args, plan, sum) => estimateIsing(plan, sum),
  stopping: {
    // A replica is itself a mean over sites and sweeps, between 0 and 1: few of them make a normal mean.
    first_look: 4096,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    outcomes: () => [],
  },
  reduce: (args, plan, sum, convergence) => ({
    result: reduceIsing(args, plan, sum, convergence),
    artifacts: [],
  }),
  result: isingResult,
  summarise: summariseIsing,
}

export const ising = defineOp(isingSpec)
