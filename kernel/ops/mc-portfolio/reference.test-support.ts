import { invariant } from '../../errors.ts'
import { exp2Word, SATURATED } from '../../numerics/exp2.ts'
import { bigIntToLimbs } from '../../numerics/limbs.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { sqrtQ30 } from '../../numerics/sqrt.ts'
import { divideWide, mulHi, mulHiRound } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import type { PortfolioArgs } from './args.ts'
import { portfolioSpec } from './index.ts'
import { BODY_BINS, LEAF_WORDS, type PortfolioPlan, TAIL_AT, TAIL_BINS } from './plan.ts'

/** What a path adds up: its scratch, and how many of its values saturated. */
interface Scratch {
  readonly words: Uint32Array
  readonly normals: Int32Array
  saturated: number
}

function drawNormals(
  scratch: Scratch,
  count: number,
  path: number,
  high: number,
  stream: number,
  key: PhiloxKey,
) {
  const { words, normals } = scratch
  for (let i = 0; i < count; i++) {
    if ((i & 3) === 0) philox4x32(words, i >>> 2, path, high, stream, key[0], key[1])
    normals[i] = normalQuantileQ24(words[i & 3] as number)
  }
}

/** sqrt((degrees - 2) / chi2) in Q26, or its upper end. */
function studentScale(scratch: Scratch, degrees: number): number {
  let chi2 = 0
  for (let i = 0; i < degrees; i++) {
    const size = Math.abs(scratch.normals[i] as number) << 4
    chi2 += (mulHi(size, size) + 4) >>> 3
  }
  const high = (degrees - 2) << 9
  if (high < chi2) return 2 * sqrtQ30(divideWide(high, 0, chi2))
  scratch.saturated++
  return 2 * sqrtQ30(0xffffffff)
}

/** volatility u in Q25 for u of the given size in Q20, or -1 beyond 32. */
function spreadOf(size: number, volatility: number): number {
  const high = mulHi(size, volatility)
  if (high >= 0x02000000) return -1
  const twice = (high << 6) | (Math.imul(size, volatility) >>> 26)
  return (twice >>> 1) + (twice & 1)
}

/** The leaf of a shard. The same formula as shaders/mc/portfolio.v1.wgsl, whose header states it. */
export function referencePortfolio(
  args: PortfolioArgs,
  plan: PortfolioPlan,
  key: PhiloxKey,
  shard: number,
): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const { log2_shard_paths, factor, terms, tail_start, tail_shift, body_start, body_shift } = plan.constants
  const positions = terms.length
  const log = args.returns === 'log'
  const degrees = args.tails === 'student' ? args.degrees_of_freedom : 0
  const paths = shardSamples(plan, shard)
  const high = shard >>> (32 - log2_shard_paths)
  const leaf = new Uint32Array(LEAF_WORDS)
  const tailSums = new Float64Array(TAIL_BINS)
  const scratch: Scratch = { words: new Uint32Array(4), normals: new Int32Array(32), saturated: 0 }
  const count = (at: number): void => {
    leaf[at] = (leaf[at] as number) + 1
  }
  let largest = 0
  let sum = 0
  let squaresLow = 0
  let squaresHigh = 0
  for (let k = 0; k < paths; k++) {
    const path = (shard << log2_shard_paths) | k
    let scale = 1 << 26
    if (degrees > 0) {
      drawNormals(scratch, degrees, path, high, 1, key)
      scale = studentScale(scratch, degrees)
    }
    drawNormals(scratch, positions, path, high, 0, key)
    let loss = 0
    for (let i = 0; i < positions; i++) {
      const row = factor[i] as readonly number[]
      let y = 0
      for (let j = 0; j <= i; j++) {
        const l = row[j] as number
        const z = scratch.normals[j] as number
        const size = mulHiRound(Math.abs(l), Math.abs(z) << 4)
        y += l < 0 !== z < 0 ? -size : size
      }
      const { volatility, drift, weight, negative } = terms[i] as (typeof terms)[number]
      const exact = spreadOf(mulHiRound(Math.abs(y), scale), volatility)
      const size = exact < 0 ? 0x40000000 : exact
      const spread = y < 0 ? -size : size
      const growth = log ? exp2Word(drift + ((spread + 1) >> 1), 5) : 0
      if (exact < 0 || growth === SATURATED) scratch.saturated++
      const gain = log ? growth - 0x02000000 : drift + spread
      const part = mulHiRound(Math.abs(gain), weight)
      loss -= gain < 0 !== (negative === 1) ? -part : part
    }
    const biased = loss + 0x80000000
    if (biased > largest) largest = biased
    sum += biased
    squaresLow += Math.imul(loss, loss) >>> 0
    squaresHigh += mulHi(Math.abs(loss), Math.abs(loss))
    const body = (loss - body_start) >> body_shift
    count(16 + (body < 0 ? 0 : body < BODY_BINS ? body : BODY_BINS - 1))
    if (loss >= tail_start) {
      const above = loss - tail_start
      const bin = Math.min(above >>> tail_shift, TAIL_BINS - 1)
      count(TAIL_AT + 3 * bin)
      tailSums[bin] = (tailSums[bin] as number) + above
    }
  }
  leaf[0] = paths
  leaf[1] = scratch.saturated
  leaf[3] = largest
  bigIntToLimbs(BigInt(sum), leaf, 4, 4)
  bigIntToLimbs(BigInt(squaresLow) + (BigInt(squaresHigh) << 32n), leaf, 8, 4)
  for (let bin = 0; bin < TAIL_BINS; bin++)
    bigIntToLimbs(BigInt(tailSums[bin] as number), leaf, TAIL_AT + 3 * bin + 1, 2)
  return wordsToBytes(leaf)
}

export const reference = referenceFor(portfolioSpec, ({ args, plan, key }, shard) =>
  referencePortfolio(args, plan, key, shard),
)
