import { invariant } from '../../errors.ts'
import { exp2Word, SATURATED } from '../../numerics/exp2.ts'
import { normalQuantileQ24 } from '../../numerics/normal.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { countBelow } from '../../numerics/poisson.ts'
import { mulHi, mulHiRound } from '../../numerics/u32.ts'
import type { PhiloxKey } from '../../seed.ts'
import { logBin } from '../log-bins.ts'
import { OutcomeTally } from '../outcome.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import { insuranceSpec } from './index.ts'
import { type InsurancePlan, NO_LIMIT } from './plan.ts'

/** z^2 in Q24. */
function squareQ24(word: number): number {
  const size = Math.abs(normalQuantileQ24(word)) << 4
  return mulHi(size, size)
}

function paid(gross: number, deductible: number, limit: number): number {
  const above = gross > deductible ? gross - deductible : 0
  return above < limit ? above : limit
}

/** The leaf of a shard. The same formula as shaders/mc/insurance.v1.wgsl, whose header states it. */
export function referenceInsurance(plan: InsurancePlan, key: PhiloxKey, shard: number): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const c = plan.constants
  const { claim_location, claim_scale, claim_deductible, claim_limit, catastrophe_limit } = c
  const [k0, k1] = key
  const words = new Uint32Array(4)
  const high = shard >>> (32 - c.log2_shard_paths)
  const years = shardSamples(plan, shard)
  const tally = new OutcomeTally()
  let saturated = 0
  for (let year = 0; year < years; year++) {
    const low = (shard << c.log2_shard_paths) | year
    philox4x32(words, 0, low, high, 0, k0, k1)
    const claims = countBelow(c.claim_thresholds, words[0] as number)
    const catastrophes = countBelow(c.catastrophe_thresholds, words[1] as number)
    let sum = 0
    const add = (gross: number, deductible: number, limit: number): void => {
      sum += paid(gross, deductible, limit)
      if (sum > SATURATED || (gross === SATURATED && limit === NO_LIMIT)) saturated++
      if (sum > SATURATED) sum = SATURATED
    }
    for (let i = 0; i < claims; i++) {
      if ((i & 3) === 0) philox4x32(words, i >>> 2, low, high, 1, k0, k1)
      const z = normalQuantileQ24(words[i & 3] as number)
      const size = (mulHiRound(Math.abs(z) << 4, claim_scale) + 1) >>> 1
      add(exp2Word(claim_location + (z < 0 ? -size : size), 30), claim_deductible, claim_limit)
    }
    for (let i = 0; i < catastrophes; i++) {
      if ((i & 1) === 0) philox4x32(words, i >>> 1, low, high, 2, k0, k1)
      const at = 2 * (i & 1)
      const exponential = 2 * (squareQ24(words[at] as number) + squareQ24(words[at + 1] as number))
      const x = c.catastrophe_location + mulHiRound(exponential, c.catastrophe_scale)
      add(exp2Word(x, 30), 0, catastrophe_limit)
    }
    const loss = paid(sum, c.aggregate_deductible, c.aggregate_limit)
    tally.add(loss, logBin(loss), claims + catastrophes)
  }
  tally.saturate(saturated)
  return tally.bytes()
}

export const reference = referenceFor(insuranceSpec, ({ plan, key }, shard) =>
  referenceInsurance(plan, key, shard),
)
