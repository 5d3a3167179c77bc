import { FIRST_LOOK } from '../../early-stopping.ts'
import { defineOp } from '../../job.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { GpuProgram, OpSpec } from '../op.ts'
import { OUTCOME_WORDS, type OutcomeSum, outcomeFold } from '../outcome.ts'
import { type EtaArgs, etaArgs, MAX_SEGMENTS } from './args.ts'
import { goldenEta } from './golden.ts'
import { type EtaConstants, type EtaPlan, planEta } from './plan.ts'
import { checkEtaLeaf, type EtaResult, estimateEta, etaResult, reduceEta } from './result.ts'
import { summariseEta } from './summary.ts'

const KERNEL = 'mc/eta.v1'
const TABLES = ['normal-quantile', 'exp2'] as const
/** TRIPS_PER_INVOCATION of the kernel. */
const TRIPS_PER_INVOCATION = 64

function gpuEta(plan: EtaPlan, key: readonly [number, number]): GpuProgram {
  const c = plan.constants
  const words = new Uint32Array(16 + 32 + 4 * MAX_SEGMENTS)
  words.set([
    key[0],
    key[1],
    plan.shard_count - 1,
    c.last_paths,
    c.log2_shard_paths,
    c.segments.length,
    c.common,
    c.own,
    c.weather_threshold,
    c.weather_threshold === 2 ** 32 ? 1 : 0,
    c.weather,
    c.delay,
    c.deadline,
    c.bin_start,
    c.bin_shift,
  ])
  words.set(c.thresholds, 16)
  for (const [i, { location, scale }] of c.segments.entries()) words.set([location, scale], 48 + 4 * i)
  return {
    kernel: KERNEL,
    tables: TABLES,
    words,
    invocations: 2 ** c.log2_shard_paths / TRIPS_PER_INVOCATION,
    slot_words: OUTCOME_WORDS,
    inputs: [],
    leaf: (_shard, slot) => wordsToBytes(slot),
  }
}

export const etaSpec: OpSpec<EtaArgs, EtaConstants, OutcomeSum, EtaResult> = {
  ref: { name: 'mc', version: 1, profile: 'eta.v1' },
  title: 'Arrival-time risk',
  description:
    'Simulates the time of a trip over several segments: lognormal traffic that the segments share in part, bad weather ' +
    'that lengthens all of them, and a Poisson number of incidents with exponential delays. States how probable it is ' +
    'to arrive by a deadline and how much time to allow for a given certainty.',
  args: etaArgs,
  inputs: {},
  example: {
    segments: [
      { name: 'City', minutes: 18, variation: 0.3 },
      { name: 'Motorway', minutes: 42, variation: 0.15 },
      { name: 'Airport', minutes: 12, variation: 0.25 },
    ],
    deadline_minutes: 90,
    traffic_correlation: 0.5,
    bad_weather_probability: 0.15,
    bad_weather_factor: 1.25,
    incidents_per_hour: 0.1,
    incident_delay_minutes: 20,
    trips: 1_000_000,
  },
  golden: goldenEta,
  kernel: KERNEL,
  tables: TABLES,
  plan: planEta,
  gpu: ({ plan, key }) => gpuEta(plan, key),
  checkLeaf: checkEtaLeaf,
  fold: outcomeFold,
  estimate: (_args, _plan, sum) => estimateEta(sum),
  stopping: {
    first_look: FIRST_LOOK,
    shardSamples: (plan) => 2 ** plan.constants.log2_shard_paths,
    // Trips that are late, and that are not.
    outcomes: ({ samples, control }) => [Number(control), samples - Number(control)],
  },
  reduce: (args, plan, sum, convergence) => ({
    result: reduceEta(args, plan, sum, convergence),
    artifacts: [],
  }),
  result: etaResult,
  summarise: summariseEta,
}

export const eta = defineOp(etaSpec)
