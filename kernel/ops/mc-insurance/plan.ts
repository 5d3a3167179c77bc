import { ForgeError } from '../../errors.ts'
import { exactRational, lnRatioQ, log2eQ, shiftRound, sqrtQ, toFixedQ } from '../../numerics/bigmath.ts'
import { poissonThresholds } from '../../numerics/poisson.ts'
import type { Plan } from '../op.ts'
import { OUTCOME_WORDS } from '../outcome.ts'
import { cutSamples, type SampleCut } from '../samples.ts'
import type { InsuranceArgs } from './args.ts'

/** What the kernel needs, in the formats of shaders/mc/insurance.v1.wgsl. */
export type InsuranceConstants = SampleCut & {
  /** One unit is 2^-unit_bits currency. */
  readonly unit_bits: number
  readonly claim_location: number
  readonly claim_scale: number
  readonly catastrophe_location: number
  readonly catastrophe_scale: number
  readonly claim_deductible: number
  readonly claim_limit: number
  readonly catastrophe_limit: number
  readonly aggregate_deductible: number
  readonly aggregate_limit: number
  readonly claim_thresholds: readonly number[]
  readonly catastrophe_thresholds: readonly number[]
}

export type InsurancePlan = Plan<InsuranceConstants>

export const CLAIM_THRESHOLDS = 255
export const CATASTROPHE_THRESHOLDS = 31
export const NO_LIMIT = 0x7fffffff

const P = 128

/** Nanoseconds of the reference, measured on one core and rounded. */
const COST_NS = { year: 200, claim: 50, catastrophe: 100 }

/** ln(1 + (deviation / mean)^2) in QP: the variance of the claim's logarithm. */
export function logVarianceQ(args: InsuranceArgs): bigint {
  const mean = exactRational(args.claim_mean)
  const deviation = exactRational(args.claim_deviation)
  const num = deviation.num * mean.den
  const den = deviation.den * mean.num
  return lnRatioQ(num * num + den * den, den * den, P)
}

/** ln of the claim's median in currency, in QP. */
export function logMedianQ(args: InsuranceArgs): bigint {
  const { num, den } = exactRational(args.claim_mean)
  return lnRatioQ(num, den, P) - logVarianceQ(args) / 2n
}

/** The largest sum of a year that the units must hold, in currency: a planning choice in IEEE operations. */
function sumRange(args: InsuranceArgs): number {
  if (args.aggregate_limit > 0) return args.aggregate_deductible + args.aggregate_limit
  const { claim_mean: m, claim_deviation: s, claim_frequency: f } = args
  const cap = args.catastrophe_limit
  const second = m * m + s * s
  const catastrophes = args.catastrophe_frequency * cap
  const mean = f * m + catastrophes
  const deviation = Math.sqrt(f * second + catastrophes * cap)
  return 4 * (mean + 12 * deviation) + args.aggregate_deductible + m
}

function clamp(value: bigint, low: bigint, high: bigint): number {
  return Number(value < low ? low : value > high ? high : value)
}

/** @throws ForgeError ARGS_OUT_OF_RANGE where the fixed-point ranges cannot be proven */
export function planInsurance(args: InsuranceArgs): InsurancePlan {
  if (args.claim_frequency === 0 && args.catastrophe_frequency === 0)
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'nothing happens', {
      path: 'args.claim_frequency',
      hint: 'Give claims or catastrophes a frequency above 0.',
    })
  if (args.claim_deviation > 50 * args.claim_mean)
    throw new ForgeError('ARGS_OUT_OF_RANGE', 'a deviation of more than fifty times the mean', {
      path: 'args.claim_deviation',
      hint: 'Lower it, or split the claims into catastrophes.',
    })
  const range = exactRational(sumRange(args))
  // The range is at most 2^30 units.
  let unit_bits = 30
  while (unit_bits > -30 && range.num << BigInt(unit_bits + 30) > range.den << 60n) unit_bits--
  const log2e = log2eQ(P)
  const toLog2 = (ln: bigint): bigint => shiftRound(ln * log2e, 2 * P - 24) + (BigInt(unit_bits) << 24n)
  const units = (currency: number): number => clamp(toFixedQ(currency, unit_bits), 0n, BigInt(NO_LIMIT))
  const threshold = exactRational(args.catastrophe_threshold)
  const index = toFixedQ(args.catastrophe_tail_index, P)
  const sampleNs =
    COST_NS.year + args.claim_frequency * COST_NS.claim + args.catastrophe_frequency * COST_NS.catastrophe
  const { cut, shard_count, work_units } = cutSamples(args.years, sampleNs)
  return {
    shard_count,
    work_units,
    leaf: { kind: 'inline', max_bytes: 4 * OUTCOME_WORDS },
    constants: {
      ...cut,
      unit_bits,
      claim_location: clamp(toLog2(logMedianQ(args)), -(1n << 30n), 1n << 30n),
      // sqrt(ln 2501) log2 e < 4.04 < 8.
      claim_scale: Number(shiftRound(sqrtQ(logVarianceQ(args), P) * log2e, 2 * P - 29)),
      // Beyond 2^32 units every catastrophe is above every limit.
      catastrophe_location: clamp(toLog2(lnRatioQ(threshold.num, threshold.den, P)), -(1n << 30n), 1n << 29n),
      catastrophe_scale: Number(shiftRound((log2e << BigInt(P)) / index, P - 30)),
      claim_deductible: units(args.claim_deductible),
      claim_limit: args.claim_limit === 0 ? NO_LIMIT : units(args.claim_limit),
      catastrophe_limit: units(args.catastrophe_limit),
      aggregate_deductible: units(args.aggregate_deductible),
      aggregate_limit: args.aggregate_limit === 0 ? NO_LIMIT : units(args.aggregate_limit),
      claim_thresholds: poissonThresholds(args.claim_frequency, CLAIM_THRESHOLDS),
      catastrophe_thresholds: poissonThresholds(args.catastrophe_frequency, CATASTROPHE_THRESHOLDS),
    },
  }
}
