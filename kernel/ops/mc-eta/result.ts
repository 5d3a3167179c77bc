import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { ratioToNumber } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import type { Convergence, Estimate } from '../op.ts'
import {
  checkOutcome,
  estimateOutcome,
  OUTCOME_BINS,
  type OutcomeSum,
  outcomeHistogram,
  outcomeQuantile,
} from '../outcome.ts'
import { shardSamples } from '../samples.ts'
import type { EtaArgs } from './args.ts'
import { type EtaPlan, etaBin, expectedMinutes, INCIDENT_THRESHOLDS } from './plan.ts'

export function checkEtaLeaf(plan: EtaPlan, shard: number, bytes: Uint8Array): string | undefined {
  const samples = shardSamples(plan, shard)
  return checkOutcome(bytes, {
    samples,
    largest: 0x7fffffff,
    saturated: samples * (plan.constants.segments.length + INCIDENT_THRESHOLDS),
    control: 1,
    binOf: (time) => etaBin(plan, time),
  })
}

/** Share of trips that end by the deadline; its binomial standard error. */
export function estimateEta(sum: OutcomeSum): Estimate | undefined {
  if (sum.samples < 2) return undefined
  const p = (sum.samples - Number(sum.control)) / sum.samples
  return { samples: sum.samples, value: p, standard_error: Math.sqrt((p * (1 - p)) / sum.samples) }
}

const PERCENTS = [10, 25, 50, 75, 90, 95, 99] as const

export const etaResult = z.strictObject({
  /** Share of trips that end by the deadline. */
  on_time: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  /** Of the time of a trip, in minutes. */
  mean: z.number(),
  mean_error: z.number(),
  /** The mean of the model in closed form. */
  expected: z.number(),
  standard_deviation: z.number(),
  longest: z.number(),
  trips: z.int(),
  /** Times that reached the end of their format and count at it. */
  saturated: z.int(),
  /** Minutes that the given percentage of trips take at most: within [low, high]. */
  quantiles: z.array(z.strictObject({ percent: z.int(), low: z.number(), high: z.number() })),
  /** Of the times in minutes; the first and the last bin also hold what lies beyond. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type EtaResult = z.infer<typeof etaResult>

/** The result: exact sums, one rounding a number, IEEE operations after that. */
export function reduceEta(
  args: EtaArgs,
  plan: EtaPlan,
  sum: OutcomeSum,
  convergence: Convergence,
): EtaResult {
  const { unit_bits, bin_start, bin_shift } = plan.constants
  const [unitNum, unitDen] = unit_bits >= 0 ? [1n, 1n << BigInt(unit_bits)] : [1n << BigInt(-unit_bits), 1n]
  const minutes = (units: number): number => ratioToNumber(BigInt(units) * unitNum, unitDen)
  const onTime = estimateEta(sum)
  const mean = estimateOutcome(sum, unitNum, unitDen)
  invariant(onTime !== undefined && mean !== undefined, 'a result over at least two trips')
  const longest = minutes(sum.largest)
  const edge = (bin: number): number => minutes(bin_start + bin * 2 ** bin_shift)
  return {
    on_time: onTime.value,
    standard_error: onTime.standard_error,
    interval_95: interval95(onTime.value, onTime.standard_error),
    mean: mean.value,
    mean_error: mean.standard_error,
    expected: expectedMinutes(args),
    standard_deviation: mean.standard_error * Math.sqrt(sum.samples),
    longest,
    trips: sum.samples,
    saturated: sum.saturated,
    quantiles: PERCENTS.map((percent) => {
      const { low, high } = outcomeQuantile(sum, percent, 100, edge)
      const first = low === edge(0)
      const last = high === edge(OUTCOME_BINS)
      return { percent, low: first ? 0 : low, high: last ? longest : Math.min(high, longest) }
    }),
    histogram: outcomeHistogram(sum, edge),
    convergence: convergence.map((point) => ({ ...point })),
  }
}
