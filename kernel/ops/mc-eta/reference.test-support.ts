import { invariant } from '../../errors.ts'
import { exp2Word, SATURATED } from '../../numerics/exp2.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { countBelow } from '../../numerics/poisson.ts'
import { mulHi, mulHiRound } from '../../numerics/u32.ts'
import type { PhiloxKey } from '../../seed.ts'
import { OutcomeTally } from '../outcome.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import { etaSpec } from './index.ts'
import { type EtaPlan, etaBin } from './plan.ts'

/** z^2 in Q24. */
function squareQ24(word: number): number {
  const size = Math.abs(normalQuantileQ24(word)) << 4
  return mulHi(size, size)
}

/** round(factor z) for a factor in Q30 and the word's normal z in Q24, in Q26. */
function scaled(factor: number, word: number): number {
  const z = normalQuantileQ24(word)
  const size = mulHiRound(factor, Math.abs(z) << 4)
  return z < 0 ? -size : size
}

/** The leaf of a shard. The same formula as shaders/mc/eta.v1.wgsl, whose header states it. */
export function referenceEta(plan: EtaPlan, key: PhiloxKey, shard: number): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const c = plan.constants
  const [k0, k1] = key
  const words = new Uint32Array(4)
  const high = shard >>> (32 - c.log2_shard_paths)
  const trips = shardSamples(plan, shard)
  const tally = new OutcomeTally()
  let saturated = 0
  for (let trip = 0; trip < trips; trip++) {
    const low = (shard << c.log2_shard_paths) | trip
    philox4x32(words, 0, low, high, 0, k0, k1)
    const weather = (words[0] as number) < c.weather_threshold ? c.weather : 0
    const incidents = countBelow(c.thresholds, words[1] as number)
    const shared = scaled(c.common, words[2] as number)
    let time = 0
    const add = (part: number): void => {
      time += part
      if (time > SATURATED || part === SATURATED) saturated++
      if (time > SATURATED) time = SATURATED
    }
    for (let i = 0; i < c.segments.length; i++) {
      if ((i & 3) === 0) philox4x32(words, i >>> 2, low, high, 1, k0, k1)
      const { location, scale } = c.segments[i] as (typeof c.segments)[number]
      const g = shared + scaled(c.own, words[i & 3] as number)
      const size = mulHiRound(Math.abs(g), scale)
      add(exp2Word(location + (g < 0 ? -size : size) + weather, 30))
    }
    for (let i = 0; i < incidents; i++) {
      if ((i & 1) === 0) philox4x32(words, i >>> 1, low, high, 2, k0, k1)
      const at = 2 * (i & 1)
      const exponential = 2 * (squareQ24(words[at] as number) + squareQ24(words[at + 1] as number))
      add(mulHiRound(exponential, c.delay))
    }
    tally.add(time, etaBin(plan, time), time > c.deadline ? 1 : 0)
  }
  tally.saturate(saturated)
  return tally.bytes()
}

export const reference = referenceFor(etaSpec, ({ plan, key }, shard) => referenceEta(plan, key, shard))
