import { z } from 'zod'
import { invariant } from '../../errors.ts'
import { fixedToNumber, ratioToNumber } from '../../numerics/bigmath.ts'
import { interval95 } from '../../numerics/interval.ts'
import type { Convergence, Estimate, LeafRange } from '../op.ts'
import { discountQ, fewOutcomes, forwardPrice, linearEdges, OPTION_Q, payoffUnit } from '../option.ts'
import {
  checkOutcome,
  estimateOutcome,
  type OutcomeSum,
  outcomeHistogram,
  outcomeQuantile,
} from '../outcome.ts'
import type { HestonArgs } from './args.ts'
import { type HestonPlan, shardPathCount } from './plan.ts'

export function checkHestonLeaf(plan: HestonPlan, shard: number, bytes: Uint8Array): string | undefined {
  const { max_payoff, bin_shift } = plan.constants
  const samples = shardPathCount(plan, shard)
  return checkOutcome(bytes, {
    samples,
    largest: max_payoff,
    // Two clamps a step, of at most 4,096 steps, and one ratio a path.
    saturated: samples * 8193,
    control: 0x7fffffff,
    binOf: (payoff) => payoff >>> bin_shift,
  })
}

/** A leaf's discounted mean payoff: no payoff is above the largest possible. */
export function hestonRange(args: HestonArgs, plan: HestonPlan): LeafRange {
  const { discountedNum, discountedDen } = payoffUnit(args, plan.constants.ratio_bits)
  const high = ratioToNumber(BigInt(plan.constants.max_payoff) * discountedNum, discountedDen)
  return { figure: 'the price', unit: 'currency', low: 0, high }
}

/** Discounted mean payoff and its standard error in currency. */
export function estimateHeston(args: HestonArgs, plan: HestonPlan, sum: OutcomeSum): Estimate | undefined {
  const unit = payoffUnit(args, plan.constants.ratio_bits)
  return estimateOutcome(sum, unit.discountedNum, unit.discountedDen)
}

const PERCENTS = [5, 25, 50, 75, 95, 99] as const

export const hestonResult = z.strictObject({
  /** Discounted, in currency. */
  price: z.number(),
  standard_error: z.number(),
  interval_95: z.strictObject({ low: z.number(), high: z.number() }),
  discount_factor: z.number(),
  paths: z.int(),
  zero_fraction: z.number(),
  /** Ratios, logarithms and variances that left the range of their format and count at its end. */
  saturated: z.int(),
  /** Fewer than 100 paths pay, or fewer than 100 pay nothing. */
  few_outcomes: z.boolean(),
  /** Martingale check: the mean price at maturity against spot e^((rate - dividend_yield) maturity). */
  forward: z.strictObject({ estimate: z.number(), expected: z.number() }),
  /** Largest payoff at exercise, in currency. */
  largest_payoff: z.number(),
  /** Of the nonzero payoffs at exercise: bin i holds edges[i] <= payoff < edges[i + 1]; the last one includes its end. */
  histogram: z.strictObject({ edges: z.array(z.number()), counts: z.array(z.int()) }),
  /** Payoffs at exercise, zeros included: the quantile lies in [low, high]. */
  quantiles: z.array(z.strictObject({ percent: z.int(), low: z.number(), high: z.number() })),
  /** The spacing of payoffs, in currency. */
  resolution: z.number(),
  convergence: z.array(
    z.strictObject({ shards: z.int(), samples: z.int(), value: z.number(), standard_error: z.number() }),
  ),
})

export type HestonResult = z.infer<typeof hestonResult>

/** The result, exact to one rounding a number and written in IEEE operations after that. */
export function reduceHeston(
  args: HestonArgs,
  plan: HestonPlan,
  sum: OutcomeSum,
  convergence: Convergence,
): HestonResult {
  const estimate = estimateHeston(args, plan, sum)
  invariant(estimate !== undefined, 'a result over at least two paths')
  const { currency } = payoffUnit(args, plan.constants.ratio_bits)
  const edge = linearEdges(plan.constants.bin_shift, currency)
  return {
    price: estimate.value,
    standard_error: estimate.standard_error,
    interval_95: interval95(estimate.value, estimate.standard_error),
    discount_factor: fixedToNumber(discountQ(args), OPTION_Q),
    paths: sum.samples,
    zero_fraction: sum.zeros / sum.samples,
    saturated: sum.saturated,
    few_outcomes: fewOutcomes(sum),
    forward: { estimate: currency(sum.control, BigInt(sum.samples)), expected: forwardPrice(args) },
    largest_payoff: currency(sum.largest),
    histogram: outcomeHistogram(sum, edge),
    quantiles: PERCENTS.map((percent) => ({ percent, ...outcomeQuantile(sum, percent, 100, edge) })),
    resolution: currency(1),
    convergence: convergence.map((point) => ({ ...point })),
  }
}
