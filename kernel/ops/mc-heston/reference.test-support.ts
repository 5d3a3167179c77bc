import { invariant } from '../../errors.ts'
import { exp2Word, SATURATED } from '../../numerics/exp2.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { sqrtQ30 } from '../../numerics/sqrt.ts'
import { mulHiRound } from '../../numerics/u32.ts'
import type { PhiloxKey } from '../../seed.ts'
import { OutcomeTally } from '../outcome.ts'
import { referenceFor } from '../reference.test-support.ts'
import type { HestonArgs } from './args.ts'
import { hestonSpec } from './index.ts'
import { type HestonPlan, shardPathCount } from './plan.ts'

const LIMIT = 0x40000000

/** The leaf of a shard. The same formula as shaders/mc/heston.v1.wgsl, whose header states it. */
export function referenceHeston(
  args: HestonArgs,
  plan: HestonPlan,
  key: PhiloxKey,
  shard: number,
): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const c = plan.constants
  const { price_noise, price_drift, reversion, pull, pull_fraction, variance_noise } = c
  const { correlation, correlation_rest } = c
  const inverse = args.correlation < 0
  const put = args.right === 'put'
  const top = 30 - c.ratio_bits
  const [k0, k1] = key
  const words = new Uint32Array(4)
  const low = shard << c.log2_shard_paths
  const high = shard >>> (32 - c.log2_shard_paths)
  const tally = new OutcomeTally()
  const paths = shardPathCount(plan, shard)
  let saturated = 0
  for (let path = 0; path < paths; path++) {
    let x = 0
    let v = c.variance
    let fraction = 0x80000000
    for (let step = 0; step < args.steps; step++) {
      if ((step & 1) === 0) philox4x32(words, step >>> 1, low | path, high, 0, k0, k1)
      const z = normalQuantileQ24(words[2 * (step & 1)] as number)
      const w = normalQuantileQ24(words[2 * (step & 1) + 1] as number)
      const zSize = Math.abs(z) << 4
      const vPlus = v > 0 ? v * 2 : 0
      const s = 2 * sqrtQ30(vPlus)
      const shock = mulHiRound(mulHiRound(zSize, s), price_noise)
      x += (z < 0 ? -shock : shock) - ((mulHiRound(vPlus, price_drift) + 8) >>> 4)
      const along = mulHiRound(zSize, correlation)
      const across = mulHiRound(Math.abs(w) << 4, correlation_rest)
      const mixed = (z < 0 !== inverse ? -along : along) + (w < 0 ? -across : across)
      const noise = mulHiRound(mulHiRound(2 * Math.abs(mixed), s), variance_noise)
      v += pull - mulHiRound(vPlus, reversion) + (mixed < 0 ? -noise : noise)
      fraction += pull_fraction
      if (fraction > 0xffffffff) {
        fraction -= 0x100000000
        v++
      }
      if (x > LIMIT || x < -LIMIT) {
        x = x < 0 ? -LIMIT : LIMIT
        saturated++
      }
      if (v > LIMIT || v < -LIMIT) {
        v = v < 0 ? -LIMIT : LIMIT
        saturated++
      }
    }
    const ratio = exp2Word((x + c.total_drift + 2) >> 2, top)
    if (ratio === SATURATED) saturated++
    const payoff = Math.max(put ? c.strike - ratio : ratio - c.strike, 0)
    tally.add(payoff, payoff >>> c.bin_shift, ratio)
  }
  tally.saturate(saturated)
  return tally.bytes()
}

export const reference = referenceFor(hestonSpec, ({ args, plan, key }, shard) =>
  referenceHeston(args, plan, key, shard),
)
