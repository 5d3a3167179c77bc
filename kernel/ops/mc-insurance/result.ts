import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { ratioToNumber } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import { logBin, logBinEdge } from '../log-bins.ts'
import type { Convergence, Estimate, LeafRange } from '../op.ts'
import { checkOutcome, estimateOutcome, type OutcomeSum, outcomeQuantile } from '../outcome.ts'
import { shardSamples } from '../samples.ts'
import type { InsuranceArgs } from './args.ts'
import { CATASTROPHE_THRESHOLDS, CLAIM_THRESHOLDS, type InsurancePlan } from './plan.ts'
import { expectedLoss } from './theory.ts'

const MOST_CLAIMS = CLAIM_THRESHOLDS + CATASTROPHE_THRESHOLDS

export function checkInsuranceLeaf(
  plan: InsurancePlan,
  shard: number,
  bytes: Uint8Array,
): string | undefined {
  const samples = shardSamples(plan, shard)
  return checkOutcome(bytes, {
    samples,
    largest: plan.constants.aggregate_limit,
    saturated: samples * MOST_CLAIMS,
    control: MOST_CLAIMS,
    binOf: logBin,
  })
}

/** One unit in currency: num / den. */
function unitOf(plan: InsurancePlan): { readonly num: bigint; readonly den: bigint } {
  const bits = plan.constants.unit_bits
  return bits >= 0 ? { num: 1n, den: 1n << BigInt(bits) } : { num: 1n << BigInt(-bits), den: 1n }
}

/** A leaf's mean loss: no year is above the aggregate limit. */
export function insuranceRange(plan: InsurancePlan): LeafRange {
  const { num, den } = unitOf(plan)
  const high = ratioToNumber(BigInt(plan.constants.aggregate_limit) * num, den)
  return { figure: 'the mean loss of a year', unit: 'currency', low: 0, high }
}

/** Mean loss of a year and its standard error in currency. */
export function estimateInsurance(plan: InsurancePlan, sum: OutcomeSum): Estimate | undefined {
  const { num, den } = unitOf(plan)
  return estimateOutcome(sum, num, den)
}

/** Return periods in years of the quantiles that are stated. */
const RETURN_PERIODS = [2, 5, 10, 20, 50, 100, 200, 500, 1000] as const

export const insuranceResult = z.strictObject({
  /** Mean loss of a year after all deductibles and limits: the pure premium, in currency. */
  mean: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  /** Exact mean where there are no aggregate terms. */
  expected: z.number().nullable(),
  standard_deviation: z.number(),
  /** Mean number of claims and catastrophes of a year. */
  mean_claims: z.number(),
  /** Share of years without a payment. */
  zero_fraction: z.number(),
  worst: z.number(),
  years: z.int(),
  /** Amounts or sums that reached the end of their format and count at it. */
  saturated: z.int(),
  /** The loss that one year in `return_period` exceeds: it lies in [low, high]. */
  quantiles: z.array(z.strictObject({ return_period: z.int(), low: z.number(), high: z.number() })),
  /** Share of years whose loss is at least `loss`. */
  exceedance: z.array(
    z.strictObject({ loss: z.number(), probability: z.number(), standard_error: z.number() }),
  ),
  /** The spacing of amounts, in currency. */
  resolution: z.number(),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type InsuranceResult = z.infer<typeof insuranceResult>

/** The result, exact to one rounding a number and written in IEEE operations after that. */
export function reduceInsurance(
  args: InsuranceArgs,
  plan: InsurancePlan,
  sum: OutcomeSum,
  convergence: Convergence,
): InsuranceResult {
  const estimate = estimateInsurance(plan, sum)
  invariant(estimate !== undefined, 'a result over at least two years')
  const { num, den } = unitOf(plan)
  const currency = (units: number): number => ratioToNumber(BigInt(units) * num, den)
  const edge = (bin: number): number => currency(logBinEdge(bin))
  return {
    mean: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    expected: expectedLoss(args) ?? null,
    standard_deviation: estimate.standard_error * Math.sqrt(sum.samples),
    mean_claims: ratioToNumber(sum.control, BigInt(sum.samples)),
    zero_fraction: sum.zeros / sum.samples,
    worst: currency(sum.largest),
    years: sum.samples,
    saturated: sum.saturated,
    quantiles: RETURN_PERIODS.map((return_period) => {
      const { low, high } = outcomeQuantile(sum, return_period - 1, return_period, edge)
      return { return_period, low, high: Math.min(high, currency(sum.largest)) }
    }),
    exceedance: exceedanceOf(sum, edge),
    resolution: currency(1),
    convergence: convergence.map((point) => ({ ...point })),
  }
}

/** At most this many points of the curve. */
const POINTS = 40

/** The share of years at or above the lower edge of each bin used, thinned to POINTS; binomial standard errors. */
function exceedanceOf(sum: OutcomeSum, edge: (bin: number) => number): InsuranceResult['exceedance'] {
  const used = Array.from(sum.bins, (count, bin) => ({ count, bin })).filter(({ count }) => count > 0)
  const step = Math.max(Math.ceil(used.length / POINTS), 1)
  let above = sum.samples - sum.zeros
  return used.flatMap(({ count, bin }, index) => {
    const probability = above / sum.samples
    above -= count
    if (index % step !== 0 && index !== used.length - 1) return []
    return [
      {
        loss: edge(bin),
        probability,
        standard_error: Math.sqrt((probability * (1 - probability)) / sum.samples),
      },
    ]
  })
}
