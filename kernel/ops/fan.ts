import { bigIntToLimbs, limbsToBigInt } from '../numerics/limbs.ts'

/**
 * The spread of a word over an ensemble at FAN_TIMES times: exact sums and 64 bins a time, whose edges the op chooses.
 * 37 words a time of a leaf; shaders/prelude/fan.wgsl writes the same.
 */

export const FAN_TIMES = 24
export const FAN_BINS = 64
const TIME_WORDS = 5 + FAN_BINS / 2
export const FAN_WORDS = FAN_TIMES * TIME_WORDS

export interface FanSum {
  readonly sums: bigint[]
  readonly squares: bigint[]
  /** FAN_BINS a time. */
  readonly bins: Float64Array
}

export function emptyFan(): FanSum {
  return {
    sums: new Array<bigint>(FAN_TIMES).fill(0n),
    squares: new Array<bigint>(FAN_TIMES).fill(0n),
    bins: new Float64Array(FAN_TIMES * FAN_BINS),
  }
}

/** Sums of one shard of fewer than 2^16 runs. */
export class FanTally {
  readonly #fan = emptyFan()

  add(time: number, value: number, bin: number): void {
    const { sums, squares, bins } = this.#fan
    sums[time] = (sums[time] as bigint) + BigInt(value)
    squares[time] = (squares[time] as bigint) + BigInt(value) * BigInt(value)
    const at = FAN_BINS * time + bin
    bins[at] = (bins[at] as number) + 1
  }

  write(words: Uint32Array, at: number): void {
    const { sums, squares, bins } = this.#fan
    for (let time = 0; time < FAN_TIMES; time++) {
      const base = at + TIME_WORDS * time
      bigIntToLimbs(sums[time] as bigint, words, base, 2)
      bigIntToLimbs(squares[time] as bigint, words, base + 2, 3)
      for (let pair = 0; pair < FAN_BINS / 2; pair++) {
        const bin = FAN_BINS * time + 2 * pair
        words[base + 5 + pair] = (bins[bin] as number) + 65536 * (bins[bin + 1] as number)
      }
    }
  }
}

export function readFan(words: Uint32Array, at: number): FanSum {
  const fan = emptyFan()
  for (let time = 0; time < FAN_TIMES; time++) {
    const base = at + TIME_WORDS * time
    fan.sums[time] = limbsToBigInt(words, base, 2)
    fan.squares[time] = limbsToBigInt(words, base + 2, 3)
    for (let bin = 0; bin < FAN_BINS; bin++) {
      const pair = words[base + 5 + (bin >> 1)] as number
      fan.bins[FAN_BINS * time + bin] = bin % 2 === 0 ? pair & 0xffff : pair >>> 16
    }
  }
  return fan
}

export function mergeFan(sum: FanSum, part: FanSum): void {
  for (let time = 0; time < FAN_TIMES; time++) {
    sum.sums[time] = (sum.sums[time] as bigint) + (part.sums[time] as bigint)
    sum.squares[time] = (sum.squares[time] as bigint) + (part.squares[time] as bigint)
  }
  for (let at = 0; at < sum.bins.length; at++)
    sum.bins[at] = (sum.bins[at] as number) + (part.bins[at] as number)
}

/**
 * What every correct fan satisfies at each time: every run in a bin, sums between what the bins' edges allow, and
 * Cauchy-Schwarz.
 * @param edge smallest value of a bin, an integer; edge(FAN_BINS) is above every value
 */
export function checkFan(fan: FanSum, runs: number, edge: (bin: number) => number): string | undefined {
  for (let time = 0; time < FAN_TIMES; time++) {
    let counted = 0
    let low = 0n
    let high = 0n
    for (let bin = 0; bin < FAN_BINS; bin++) {
      const count = fan.bins[FAN_BINS * time + bin] as number
      counted += count
      low += BigInt(count) * BigInt(edge(bin))
      high += BigInt(count) * BigInt(edge(bin + 1) - 1)
    }
    const sum = fan.sums[time] as bigint
    const squares = fan.squares[time] as bigint
    if (counted !== runs) return `${counted} runs in the bins of time ${time} instead of ${runs}`
    if (sum < low || sum > high) return `the sum at time ${time} does not fit its bins`
    if (sum * sum > BigInt(runs) * squares) return `moments of time ${time} against Cauchy-Schwarz`
    if (squares > sum * BigInt(edge(FAN_BINS) - 1)) return `squares of time ${time} above largest times sum`
  }
  return undefined
}

/**
 * The p-quantile of the values at a time, interpolated within its bin.
 * @param edge smallest value of a bin, in the unit of the answer
 * @param spacing of values: a bin that holds one value only is that value
 */
export function fanQuantile(
  fan: FanSum,
  time: number,
  runs: number,
  p: number,
  edge: (bin: number) => number,
  spacing = 0,
): number {
  const rank = p * runs
  let before = 0
  for (let bin = 0; bin < FAN_BINS; bin++) {
    const count = fan.bins[FAN_BINS * time + bin] as number
    if (count > 0 && before + count >= rank) {
      const width = edge(bin + 1) - edge(bin)
      if (width <= spacing) return edge(bin)
      const part = (rank - before) / count
      return edge(bin) + (part < 0 ? 0 : part) * width
    }
    before += count
  }
  return edge(FAN_BINS)
}
