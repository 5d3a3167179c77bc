import { invariant } from '../../errors.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { mulHiRound } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import type { GbmArgs } from './args.ts'
import { log2Ratio, priceRatio, SATURATED } from './plain-reference.test-support.ts'
import { DIGITAL_PAYOFF, type GbmConstants, type GbmPlan, shardPathCount } from './plan.ts'
import type { WalkWords } from './scenarios.ts'

/** What a walk leaves behind: ratios in Q(F). */
interface Walked {
  readonly last: number
  readonly highest: number
  readonly lowest: number
  readonly average: number
  readonly saturated: number
}

/** What a finished path pays, from the definition of its option. All in Q(F), below 2^31. */
function payoffOf(
  args: GbmArgs,
  path: Walked,
  terms: { readonly strike: number; readonly barrier: number; readonly rebate: number },
): number {
  const excess = (a: number, b: number) => Math.max(a - b, 0)
  const exercise = (price: number) =>
    args.right === 'call' ? excess(price, terms.strike) : excess(terms.strike, price)
  switch (args.style) {
    case 'european':
      return exercise(path.last)
    case 'asian':
      return exercise(path.average)
    case 'digital':
      return path.last > terms.strike === (args.right === 'call') ? DIGITAL_PAYOFF : 0
    case 'barrier': {
      const up = args.barrier_type === 'up_and_in' || args.barrier_type === 'up_and_out'
      const reached = up ? path.highest >= terms.barrier : path.lowest <= terms.barrier
      const begins = args.barrier_type === 'up_and_in' || args.barrier_type === 'down_and_in'
      return reached === begins ? exercise(path.last) : terms.rebate
    }
    case 'lookback':
      if (args.strike_type === 'fixed') return exercise(args.right === 'call' ? path.highest : path.lowest)
      return args.right === 'call' ? excess(path.last, path.lowest) : excess(path.highest, path.last)
  }
}

function walk(
  args: GbmArgs,
  c: GbmConstants,
  w: WalkWords,
  key: PhiloxKey,
  shard: number,
  path: number,
): Walked {
  const scale = 256 / 2 ** c.normal_shift
  const words = new Uint32Array(4)
  const low = (shard << c.log2_shard_paths) | path
  const high = shard >>> (32 - c.log2_shard_paths)
  const watched = args.style === 'asian' || args.style === 'barrier' || args.style === 'lookback'
  let sum = 0
  let drift = w.start
  let fraction = 0x80000000
  let [last, highest, lowest, ratios, saturated] = [w.start_ratio, w.start_ratio, w.start_ratio, 0, 0]
  for (let step = 0; step < args.steps; step++) {
    if ((step & 3) === 0) philox4x32(words, step >>> 2, low, high, 0, key[0], key[1])
    sum += normalQuantileQ24(words[step & 3] as number)
    fraction += w.step_drift_fraction
    drift += w.step_drift
    if (fraction > 0xffffffff) {
      fraction -= 0x100000000
      drift++
    }
    if (!watched && step < args.steps - 1) continue
    last = priceRatio(
      log2Ratio(sum, scale, w.volatility, watched ? drift : w.end),
      c.x_bits,
      30 - c.ratio_bits,
    )
    if (last === SATURATED) saturated++
    ratios += last
    highest = Math.max(highest, last)
    lowest = Math.min(lowest, last)
  }
  const average = mulHiRound(Math.floor(ratios / 2 ** c.average_shift), c.average_factor)
  return { last, highest, lowest, average, saturated }
}

/** The leaf of a shard. The same formula as shaders/mc/gbm-scenarios.v1.wgsl, whose header states it. */
export function referenceScenarios(args: GbmArgs, plan: GbmPlan, key: PhiloxKey, shard: number): Uint8Array {
  const c = plan.constants
  const walks = c.scenarios?.walks ?? []
  const terms = {
    strike: c.strike,
    barrier: c.scenarios?.barrier ?? 0,
    rebate: c.scenarios?.rebate ?? 0,
  }
  const words = new Uint32Array(plan.leaf.max_bytes / 4)
  const count = (at: number, by = 1) => {
    words[at] = (words[at] as number) + by
  }
  const sums = new Map<number, bigint>()
  const add = (at: number, value: number) => {
    sums.set(at, (sums.get(at) ?? 0n) + BigInt(value))
  }
  const square = (at: number, value: number) => {
    sums.set(at, (sums.get(at) ?? 0n) + BigInt(value) * BigInt(value))
  }
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  for (let path = 0; path < shardPathCount(plan, shard); path++) {
    const ends = walks.map((w) => walk(args, c, w, key, shard, path))
    const values = ends.map((end, i) =>
      mulHiRound(payoffOf(args, end, terms), (walks[i] as WalkWords).weight),
    )
    const price = values[0] as number
    count(0)
    if (price === 0) count(1)
    else count(16 + Math.min(price >>> c.bin_shift, 511))
    // The base is walked once more for gamma.
    for (const [i, { saturated }] of ends.entries())
      count(2, i === 0 && walks.length > 1 ? 2 * saturated : saturated)
    words[3] = Math.max(words[3] as number, price)
    add(4, price)
    square(8, price)
    add(12, (ends[0] as Walked).last)
    for (let greek = 0; 2 * greek + 2 < walks.length; greek++) {
      const [up, down] = [values[2 * greek + 1] as number, values[2 * greek + 2] as number]
      const difference = greek === 1 ? up + down - 2 * price : up - down
      const at = 528 + 12 * greek
      add(difference > 0 ? at : at + 4, Math.abs(difference))
      square(at + 8, difference)
    }
  }
  for (const [at, sum] of sums) {
    for (let limb = 0; limb < 4; limb++) words[at + limb] = Number((sum >> BigInt(32 * limb)) & 0xffffffffn)
  }
  return wordsToBytes(words)
}
