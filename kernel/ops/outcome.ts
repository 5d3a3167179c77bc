import { invariant } from '../errors.ts'
import { ratioToNumber } from '../numerics/bigmath.ts'
import { bigIntToLimbs, limbsToBigInt } from '../numerics/limbs.ts'
import { mulHi } from '../numerics/u32.ts'
import { bytesToWords, wordsToBytes } from '../numerics/words.ts'
import type { Estimate } from './op.ts'

/**
 * The distribution of one outcome in [0, 2^31) over the samples of a Monte Carlo op: exact sums and 512 bins, whose
 * edges the op chooses. A leaf is 528 words; shaders/prelude/tally.wgsl writes the same.
 */

export const OUTCOME_BINS = 512
export const OUTCOME_WORDS = 16 + OUTCOME_BINS

/** Exact sums over leaves. The numbers count samples or saturations, below 2^53. */
export interface OutcomeSum {
  samples: number
  zeros: number
  saturated: number
  largest: number
  sum: bigint
  squares: bigint
  control: bigint
  /** Of the nonzero outcomes. */
  readonly bins: Float64Array
}

/** Sums of a leaf on the CPU. Numbers stay exact: at most 2^20 samples of words below 2^32. */
export class OutcomeTally {
  readonly #words = new Uint32Array(OUTCOME_WORDS)
  #samples = 0
  #zeros = 0
  #saturated = 0
  #largest = 0
  #sum = 0
  #squaresLow = 0
  #squaresHigh = 0
  #control = 0

  add(outcome: number, bin: number, control: number): void {
    this.#samples++
    this.#control += control
    if (outcome === 0) {
      this.#zeros++
      return
    }
    if (outcome > this.#largest) this.#largest = outcome
    this.#sum += outcome
    this.#squaresLow += Math.imul(outcome, outcome) >>> 0
    this.#squaresHigh += mulHi(outcome, outcome)
    const at = 16 + (bin < OUTCOME_BINS ? bin : OUTCOME_BINS - 1)
    this.#words[at] = (this.#words[at] as number) + 1
  }

  saturate(times: number): void {
    this.#saturated += times
  }

  bytes(): Uint8Array {
    const words = this.#words
    words[0] = this.#samples
    words[1] = this.#zeros
    words[2] = this.#saturated
    words[3] = this.#largest
    bigIntToLimbs(BigInt(this.#sum), words, 4, 4)
    bigIntToLimbs(BigInt(this.#squaresLow) + (BigInt(this.#squaresHigh) << 32n), words, 8, 4)
    bigIntToLimbs(BigInt(this.#control), words, 12, 4)
    return wordsToBytes(words)
  }
}

export function emptyOutcome(): OutcomeSum {
  return {
    samples: 0,
    zeros: 0,
    saturated: 0,
    largest: 0,
    sum: 0n,
    squares: 0n,
    control: 0n,
    bins: new Float64Array(OUTCOME_BINS),
  }
}

function readOutcome(bytes: Uint8Array): OutcomeSum {
  const words = bytesToWords(bytes)
  invariant(words.length === OUTCOME_WORDS, `a leaf of ${OUTCOME_WORDS} words`)
  return {
    samples: words[0] as number,
    zeros: words[1] as number,
    saturated: words[2] as number,
    largest: words[3] as number,
    sum: limbsToBigInt(words, 4, 4),
    squares: limbsToBigInt(words, 8, 4),
    control: limbsToBigInt(words, 12, 4),
    bins: Float64Array.from(words.subarray(16)),
  }
}

export function mergeOutcome(sum: OutcomeSum, part: OutcomeSum): void {
  sum.samples += part.samples
  sum.zeros += part.zeros
  sum.saturated += part.saturated
  if (part.largest > sum.largest) sum.largest = part.largest
  sum.sum += part.sum
  sum.squares += part.squares
  sum.control += part.control
  for (let bin = 0; bin < OUTCOME_BINS; bin++) {
    sum.bins[bin] = (sum.bins[bin] as number) + (part.bins[bin] as number)
  }
}

/** The fold of every op whose leaf is an outcome's. */
export const outcomeFold = {
  empty: emptyOutcome,
  add: (sum: OutcomeSum, _shard: number, leaf: Uint8Array): void => mergeOutcome(sum, readOutcome(leaf)),
  merge: mergeOutcome,
}

export interface OutcomeBounds {
  readonly samples: number
  /** The largest outcome that a sample can have. */
  readonly largest: number
  /** The most saturations of a leaf. */
  readonly saturated: number
  /** The largest control of a sample. */
  readonly control: number
  binOf(outcome: number): number
}

/**
 * What every correct leaf satisfies: its shard's samples, each in one bin or among the zeros, the largest outcome
 * possible and in the highest bin used, every moment within its bounds, Cauchy-Schwarz.
 * @returns what is wrong, or undefined
 */
export function checkOutcome(bytes: Uint8Array, bounds: OutcomeBounds): string | undefined {
  if (bytes.length !== 4 * OUTCOME_WORDS)
    return `a leaf of ${bytes.length} bytes instead of ${4 * OUTCOME_WORDS}`
  const leaf = readOutcome(bytes)
  if (leaf.samples !== bounds.samples) return `${leaf.samples} samples instead of ${bounds.samples}`
  if (leaf.largest > bounds.largest) return 'an outcome above the largest possible'
  if (leaf.saturated > bounds.saturated) return 'more saturations than can be'
  let counted = leaf.zeros
  let highest = -1
  for (let bin = 0; bin < OUTCOME_BINS; bin++) {
    const count = leaf.bins[bin] as number
    counted += count
    if (count > 0) highest = bin
  }
  if (counted !== leaf.samples) return `${counted} outcomes in zeros and bins for ${leaf.samples} samples`
  const expected = leaf.largest === 0 ? -1 : Math.min(bounds.binOf(leaf.largest), OUTCOME_BINS - 1)
  if (highest !== expected) return 'the largest outcome is not in the highest bin'
  const nonzero = BigInt(leaf.samples - leaf.zeros)
  const largest = BigInt(leaf.largest)
  if (leaf.sum < nonzero || leaf.sum > nonzero * largest) return 'a sum of outcomes out of bounds'
  if (leaf.sum * leaf.sum > nonzero * leaf.squares) return 'moments against Cauchy-Schwarz'
  if (leaf.squares > largest * leaf.sum) return 'a sum of squares above largest times sum'
  if (leaf.control > BigInt(leaf.samples) * BigInt(bounds.control)) return 'a sum of controls out of range'
  return undefined
}

/**
 * The mean outcome and its standard error, where one unit of the outcome is unitNum / unitDen: exact up to one rounding
 * to double each, then one square root. Undefined for fewer than two samples.
 */
export function estimateOutcome(sum: OutcomeSum, unitNum: bigint, unitDen: bigint): Estimate | undefined {
  if (sum.samples < 2) return undefined
  const n = BigInt(sum.samples)
  const spread = n * sum.squares - sum.sum * sum.sum
  return {
    samples: sum.samples,
    value: ratioToNumber(sum.sum * unitNum, n * unitDen),
    standard_error: Math.sqrt(
      ratioToNumber(spread * unitNum * unitNum, n * n * (n - 1n) * unitDen * unitDen),
    ),
  }
}

export interface QuantileRange {
  /** The quantile lies in [low, high]. */
  readonly low: number
  readonly high: number
}

/**
 * The p-quantile of the outcomes, zeros included, for p = num / den: the edges of the bin that holds the outcome of rank
 * ceil(n p).
 * @param edge lower edge of a bin, in the unit of the answer; monotone
 */
export function outcomeQuantile(
  sum: OutcomeSum,
  num: number,
  den: number,
  edge: (bin: number) => number,
): QuantileRange {
  let rest = Number((BigInt(sum.samples) * BigInt(num) + BigInt(den - 1)) / BigInt(den)) - sum.zeros
  if (rest <= 0) return { low: 0, high: 0 }
  let bin = 0
  while (rest > (sum.bins[bin] as number)) rest -= sum.bins[bin++] as number
  return { low: edge(bin), high: edge(bin + 1) }
}

/** The bins up to the highest used, with their edges. */
export function outcomeHistogram(
  sum: OutcomeSum,
  edge: (bin: number) => number,
): { edges: number[]; counts: number[] } {
  let used = OUTCOME_BINS
  while (used > 0 && sum.bins[used - 1] === 0) used--
  return {
    edges: used === 0 ? [] : Array.from({ length: used + 1 }, (_, bin) => edge(bin)),
    counts: Array.from(sum.bins.subarray(0, used)),
  }
}
