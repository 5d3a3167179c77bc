import { invariant } from '../../errors.ts'
import { exp2Q30 } from '../../numerics/exp2.ts'
import { bigIntToLimbs } from '../../numerics/limbs.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { mulHi, mulHiRound } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import type { GbmArgs } from './args.ts'
import { BINS, type GbmConstants, type GbmPlan, LEAF_WORDS, shardPathCount } from './plan.ts'

/** No exp2 gives this value, so that it always means saturation. */
export const SATURATED = 0x7fffffff

/** Sums of a leaf. Numbers stay exact: at most 2^20 paths of terms below 2^32, and 2^22 ratios below 2^31. */
class Leaf {
  readonly #words = new Uint32Array(LEAF_WORDS)
  readonly #strike: number
  readonly #put: boolean
  readonly #binShift: number
  #zeros = 0
  #saturated = 0
  #largest = 0
  #payoffs = 0
  #squaresLow = 0
  #squaresHigh = 0
  #terminals = 0

  constructor(constants: GbmConstants, put: boolean) {
    this.#strike = constants.strike
    this.#binShift = constants.bin_shift
    this.#put = put
  }

  /** One path: the ratio that decides, the ratio at maturity, and how many of its ratios saturated. */
  add(settled: number, terminal: number, saturated: number): void {
    this.#terminals += terminal
    this.#saturated += saturated
    const payoff = this.#put ? this.#strike - settled : settled - this.#strike
    if (payoff <= 0) {
      this.#zeros++
      return
    }
    if (payoff > this.#largest) this.#largest = payoff
    this.#payoffs += payoff
    this.#squaresLow += Math.imul(payoff, payoff) >>> 0
    this.#squaresHigh += mulHi(payoff, payoff)
    const bin = payoff >>> this.#binShift
    const at = 16 + (bin < BINS ? bin : BINS - 1)
    this.#words[at] = (this.#words[at] as number) + 1
  }

  bytes(paths: number): Uint8Array {
    const words = this.#words
    words[0] = paths
    words[1] = this.#zeros
    words[2] = this.#saturated
    words[3] = this.#largest
    bigIntToLimbs(BigInt(this.#payoffs), words, 4, 4)
    bigIntToLimbs(BigInt(this.#squaresLow) + (BigInt(this.#squaresHigh) << 32n), words, 8, 4)
    bigIntToLimbs(BigInt(this.#terminals), words, 12, 4)
    return wordsToBytes(words)
  }
}

/** The leaf of a shard. The same formula as shaders/mc/gbm.v1.wgsl, whose header states it. */
export function referenceGbm(args: GbmArgs, plan: GbmPlan, key: PhiloxKey, shard: number): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const paths = shardPathCount(plan, shard)
  const leaf = new Leaf(plan.constants, args.right === 'put')
  const run = args.style === 'asian' ? asianPaths : europeanPaths
  run(leaf, args.steps, plan.constants, key, shard, paths)
  return leaf.bytes(paths)
}

/**
 * log2 of a price ratio in Q(x_bits). `sum` is the exact sum of Q24 normals, below 2^39 in magnitude; `scale` is
 * 2^(8 - normal_shift), so that the floor is the arithmetic shift.
 */
export function log2Ratio(sum: number, scale: number, volatility: number, drift: number): number {
  const scaled = Math.floor(sum * scale) | 0
  return scaled < 0
    ? (drift - mulHiRound(-scaled, volatility)) | 0
    : (drift + mulHiRound(scaled, volatility)) | 0
}

/** 2^(x / 2^xBits) in Q(F), or SATURATED. `ratioShift` is L - 1 = 30 - F. */
export function priceRatio(x: number, xBits: number, ratioShift: number): number {
  const fraction = (x & ((1 << xBits) - 1)) << (24 - xBits)
  const down = ratioShift - (x >> xBits)
  if (down < 0) return SATURATED
  if (down > 31) return 0
  return (exp2Q30(fraction) + ((1 << down) >>> 1)) >>> down
}

function europeanPaths(
  leaf: Leaf,
  steps: number,
  constants: GbmConstants,
  key: PhiloxKey,
  shard: number,
  paths: number,
): void {
  const { log2_shard_paths, volatility, total_drift, x_bits } = constants
  const [k0, k1] = key
  const scale = 256 / (1 << constants.normal_shift)
  const ratioShift = 30 - constants.ratio_bits
  const words = new Uint32Array(4)
  const low = shard << log2_shard_paths
  const high = shard >>> (32 - log2_shard_paths)
  const blocks = steps >>> 2
  const rest = steps & 3
  for (let path = 0; path < paths; path++) {
    let sum = 0
    for (let block = 0; block < blocks; block++) {
      philox4x32(words, block, low | path, high, 0, k0, k1)
      // Four normals stay below 2^29.
      sum +=
        normalQuantileQ24(words[0] as number) +
        normalQuantileQ24(words[1] as number) +
        normalQuantileQ24(words[2] as number) +
        normalQuantileQ24(words[3] as number)
    }
    if (rest > 0) {
      philox4x32(words, blocks, low | path, high, 0, k0, k1)
      for (let i = 0; i < rest; i++) sum += normalQuantileQ24(words[i] as number)
    }
    const ratio = priceRatio(log2Ratio(sum, scale, volatility, total_drift), x_bits, ratioShift)
    leaf.add(ratio, ratio, ratio === SATURATED ? 1 : 0)
  }
}

function asianPaths(
  leaf: Leaf,
  steps: number,
  constants: GbmConstants,
  key: PhiloxKey,
  shard: number,
  paths: number,
): void {
  const { log2_shard_paths, volatility, step_drift, step_drift_fraction, x_bits } = constants
  const [k0, k1] = key
  const scale = 256 / (1 << constants.normal_shift)
  const ratioShift = 30 - constants.ratio_bits
  const averageDivisor = 1 << constants.average_shift
  const words = new Uint32Array(4)
  const low = shard << log2_shard_paths
  const high = shard >>> (32 - log2_shard_paths)
  for (let path = 0; path < paths; path++) {
    let sum = 0
    let ratios = 0
    let ratio = 0
    let saturated = 0
    // The drift accumulates from one half of the last place, so that its integer part is the rounded drift.
    let drift = 0
    let fraction = 0x80000000
    for (let step = 0; step < steps; step++) {
      if ((step & 3) === 0) philox4x32(words, step >>> 2, low | path, high, 0, k0, k1)
      sum += normalQuantileQ24(words[step & 3] as number)
      fraction += step_drift_fraction
      drift += step_drift
      if (fraction > 0xffffffff) {
        fraction -= 0x100000000
        drift++
      }
      ratio = priceRatio(log2Ratio(sum, scale, volatility, drift), x_bits, ratioShift)
      if (ratio === SATURATED) saturated++
      ratios += ratio
    }
    const average = mulHiRound(Math.floor(ratios / averageDivisor), constants.average_factor)
    leaf.add(average, ratio, saturated)
  }
}
