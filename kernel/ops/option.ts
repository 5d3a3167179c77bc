import {
  exactRational,
  expQ,
  type Rational,
  ratioToNumber,
  shiftRound,
  toFixedQ,
} from '../numerics/bigmath.ts'
import { interval95, Z_95 } from '../numerics/interval.ts'
import type { ChartSpec, Convergence } from './op.ts'
import type { OutcomeSum } from './outcome.ts'

/** What the ops that price options share. Exact arithmetic in Q160. */

/** Fractional bits. */
export const OPTION_Q = 160

export interface OptionTerms {
  readonly spot: number
  readonly strike: number
  /** Continuously compounded, 1/year. */
  readonly rate: number
  readonly dividend_yield: number
  readonly maturity_years: number
}

/** e^(-rate maturity) in Q160. */
export function discountQ(terms: Pick<OptionTerms, 'rate' | 'maturity_years'>): bigint {
  const years = toFixedQ(terms.maturity_years, OPTION_Q)
  return expQ(-shiftRound(toFixedQ(terms.rate, OPTION_Q) * years, OPTION_Q), OPTION_Q)
}

/** (rate - dividend_yield) maturity in Q160. */
export function carryQ(terms: OptionTerms): bigint {
  const carry = toFixedQ(terms.rate, OPTION_Q) - toFixedQ(terms.dividend_yield, OPTION_Q)
  return shiftRound(carry * toFixedQ(terms.maturity_years, OPTION_Q), OPTION_Q)
}

/** strike / spot as an exact ratio. */
export function moneynessOf(terms: Pick<OptionTerms, 'spot' | 'strike'>): Rational {
  const strike = exactRational(terms.strike)
  const spot = exactRational(terms.spot)
  return { num: strike.num * spot.den, den: strike.den * spot.num }
}

/** spot e^((rate - dividend_yield) maturity): the mean price at maturity under any model without arbitrage. */
export function forwardPrice(terms: OptionTerms): number {
  const spot = exactRational(terms.spot)
  return ratioToNumber(spot.num * expQ(carryQ(terms), OPTION_Q), spot.den << BigInt(OPTION_Q))
}

/** Values of outcomes that are payoffs in Q(ratio_bits) of the spot. */
export function payoffUnit(terms: OptionTerms, ratioBits: number) {
  const spot = exactRational(terms.spot)
  return {
    /** One unit in currency at exercise: num / den. */
    num: spot.num,
    den: spot.den << BigInt(ratioBits),
    /** The same, discounted. */
    discountedNum: spot.num * discountQ(terms),
    discountedDen: spot.den << BigInt(OPTION_Q + ratioBits),
    currency: (units: number | bigint, per = 1n): number =>
      ratioToNumber(BigInt(units) * spot.num, per * (spot.den << BigInt(ratioBits))),
  }
}

/** The lower edge of linear bins of 2^binShift units in currency. */
export function linearEdges(binShift: number, currency: (units: bigint) => number): (bin: number) => number {
  return (bin) => currency(BigInt(bin) << BigInt(binShift))
}

/** The convergence of an estimate, as a band about it. */
export function convergenceChart(
  convergence: Convergence,
  samples: { readonly label: string; readonly unit: string },
  y: { readonly label: string; readonly unit?: string },
  reference?: { readonly label: string; readonly y: number },
): ChartSpec {
  return {
    kind: 'band',
    title: 'Convergence with its 95 % interval',
    x: samples,
    y,
    points: convergence.map((point) => ({
      x: point.samples,
      y: point.value,
      ...interval95(point.value, point.standard_error),
    })),
    ...(reference === undefined ? {} : { reference }),
  }
}

/** Merges neighbouring bins, so that at most `bars` bars are drawn. */
export function drawnHistogram(
  { edges, counts }: { readonly edges: readonly number[]; readonly counts: readonly number[] },
  bars = 64,
): { edges: number[]; counts: number[] } {
  const group = Math.max(Math.ceil(counts.length / bars), 1)
  const drawn = { edges: edges.slice(0, 1), counts: [] as number[] }
  for (let bin = 0; bin < counts.length; bin += group) {
    drawn.counts.push(counts.slice(bin, bin + group).reduce((sum, count) => sum + count, 0))
    drawn.edges.push(edges[Math.min(bin + group, counts.length)] as number)
  }
  return drawn
}

/** Half-width of the 95 % interval. */
export function plusMinus(standardError: number): number {
  return Z_95 * standardError
}

/** Whether a sample has too few zero or nonzero outcomes for its interval to be trusted. */
export function fewOutcomes(sum: Pick<OutcomeSum, 'samples' | 'zeros'>): boolean {
  return sum.zeros > 0 && Math.min(sum.zeros, sum.samples - sum.zeros) < 100
}
