import {
  exactRational,
  expQ,
  fixedToNumber,
  lnRatioQ,
  normalCdfQ,
  shiftRound,
  sqrtQ,
  toFixedQ,
} from '../../numerics/bigmath.ts'
import type { InsuranceArgs } from './args.ts'
import { logMedianQ, logVarianceQ } from './plan.ts'

const P = 128
const ONE = 1n << BigInt(P)
const mul = (a: bigint, b: bigint): bigint => shiftRound(a * b, P)

/** E min(X, cap) of a claim in currency, in QP. Source: Klugman, Panjer, Willmot, Loss Models, appendix A.5.1. */
function limitedClaim(args: InsuranceArgs, cap: number): bigint {
  const mean = toFixedQ(args.claim_mean, P)
  const capQ = toFixedQ(cap, P)
  if (cap === 0) return 0n
  const variance = logVarianceQ(args)
  if (variance === 0n) return mean < capQ ? mean : capQ
  const sigma = sqrtQ(variance, P)
  const { num, den } = exactRational(cap)
  const distance = lnRatioQ(num, den, P) - logMedianQ(args)
  const below = normalCdfQ(((distance - variance) << BigInt(P)) / sigma, P)
  const above = ONE - normalCdfQ((distance << BigInt(P)) / sigma, P)
  return mul(mean, below) + mul(capQ, above)
}

/** E min(X, cap) of a catastrophe in currency, in QP. Source: Loss Models, appendix A.4.1. */
function limitedCatastrophe(args: InsuranceArgs): bigint {
  const threshold = toFixedQ(args.catastrophe_threshold, P)
  const cap = toFixedQ(args.catastrophe_limit, P)
  if (cap <= threshold) return cap
  const excess = toFixedQ(args.catastrophe_tail_index, P) - ONE
  const log = lnRatioQ(cap, threshold, P)
  if (excess === 0n) return threshold + mul(threshold, log)
  const ratio = expQ(-mul(excess, log), P)
  return threshold + mul(threshold, ((ONE - ratio) << BigInt(P)) / excess)
}

/** A year without a payment that is less probable than this is not met in the years that one contract may simulate. */
const FREE_YEAR = ONE >> 34n

/**
 * Whether a year may be without a payment: where its probability is known, e^-(number of payments), and negligible, no
 * simulated year is.
 */
export function yearMayBeFree(args: InsuranceArgs): boolean {
  if (args.aggregate_deductible > 0) return true
  const payments =
    mul(toFixedQ(args.claim_frequency, P), claimsAbove(args, args.claim_deductible)) +
    toFixedQ(args.catastrophe_frequency, P)
  return expQ(-payments, P) > FREE_YEAR
}

/** Share of claims above an amount, in QP. */
function claimsAbove(args: InsuranceArgs, amount: number): bigint {
  if (amount === 0) return ONE
  const variance = logVarianceQ(args)
  if (variance === 0n) return amount < args.claim_mean ? ONE : 0n
  const { num, den } = exactRational(amount)
  const distance = lnRatioQ(num, den, P) - logMedianQ(args)
  return ONE - normalCdfQ((distance << BigInt(P)) / sqrtQ(variance, P), P)
}

/**
 * The exact mean of a year's loss in currency where there are no aggregate terms, else undefined: frequency times mean
 * payment, for claims and for catastrophes.
 */
export function expectedLoss(args: InsuranceArgs): number | undefined {
  if (args.aggregate_deductible > 0 || args.aggregate_limit > 0) return undefined
  const upper =
    args.claim_limit === 0
      ? toFixedQ(args.claim_mean, P)
      : limitedClaim(args, args.claim_deductible + args.claim_limit)
  const claim = upper - limitedClaim(args, args.claim_deductible)
  const claims = mul(toFixedQ(args.claim_frequency, P), claim)
  const catastrophes =
    args.catastrophe_frequency === 0
      ? 0n
      : mul(toFixedQ(args.catastrophe_frequency, P), limitedCatastrophe(args))
  return fixedToNumber(claims + catastrophes, P)
}
