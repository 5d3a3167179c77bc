import { invariant } from '../../errors.ts'
import { poissonLeap } from '../../numerics/leap.ts'
import { bigIntToLimbs } from '../../numerics/limbs.ts'
import { philox4x32 } from '../../numerics/philox.ts'
import { mulHi, mulHiRound } from '../../numerics/u32.ts'
import { wordsToBytes } from '../../numerics/words.ts'
import type { PhiloxKey } from '../../seed.ts'
import { FAN_TIMES, FanTally } from '../fan.ts'
import { referenceFor } from '../reference.test-support.ts'
import { shardSamples } from '../samples.ts'
import { sirSpec } from './index.ts'
import { LEAF_WORDS, type SirPlan, spreadBin } from './plan.ts'

/** A Poisson draw of mean count * rate, rate in Q31, at most `available`. */
function leap(count: number, rate: number, word: number, available: number): number {
  const high = mulHi(count, rate)
  const low = Math.imul(count, rate) >>> 0
  const draw = poissonLeap((high << 1) | (low >>> 31), (low << 1) >>> 0, word)
  return draw < available ? draw : available
}

/** The leaf of a shard. The same formula as shaders/ensemble/sir.v1.wgsl, whose header states it. */
export function referenceSir(plan: SirPlan, key: PhiloxKey, shard: number): Uint8Array {
  invariant(Number.isInteger(shard) && shard >= 0 && shard < plan.shard_count, 'a shard of the plan')
  const c = plan.constants
  const words = new Uint32Array(4)
  const fan = new FanTally()
  const runs = shardSamples(plan, shard)
  let outbreaks = 0
  let largest = 0
  let infectedSum = 0
  let infectedSquares = 0n
  let peakSum = 0
  let peakSquares = 0n
  let peakSteps = 0
  for (let run = 0; run < runs; run++) {
    const low = (shard << c.log2_shard_paths) | run
    let s = c.susceptible
    let infectious = c.infectious
    let peak = infectious
    let peakStep = 0
    let time = 0
    let report = Math.floor(c.steps / FAN_TIMES)
    for (let step = 1; step <= c.steps; step++) {
      philox4x32(words, step, low, 0, 0, key[0], key[1])
      const p = mulHiRound((infectious << c.population_shift) >>> 0, c.force)
      const infections = leap(s, p, words[0] as number, s)
      const recoveries = leap(infectious, c.recovery, words[1] as number, infectious)
      s -= infections
      infectious += infections - recoveries
      if (infectious > peak) {
        peak = infectious
        peakStep = step
      }
      if (step === report) {
        fan.add(time, infectious, spreadBin(infectious >>> c.bin_shift))
        time++
        report = Math.floor(((time + 1) * c.steps) / FAN_TIMES)
      }
    }
    const infected = c.infectious + c.susceptible - s
    if (infected >= c.outbreak) outbreaks++
    if (peak > largest) largest = peak
    infectedSum += infected
    infectedSquares += BigInt(infected) * BigInt(infected)
    peakSum += peak
    peakSquares += BigInt(peak) * BigInt(peak)
    peakSteps += peakStep
  }
  const leaf = new Uint32Array(LEAF_WORDS)
  leaf[0] = runs
  leaf[1] = outbreaks
  leaf[2] = largest
  bigIntToLimbs(BigInt(infectedSum), leaf, 4, 2)
  bigIntToLimbs(infectedSquares, leaf, 6, 3)
  bigIntToLimbs(BigInt(peakSum), leaf, 9, 2)
  bigIntToLimbs(peakSquares, leaf, 11, 3)
  bigIntToLimbs(BigInt(peakSteps), leaf, 14, 2)
  fan.write(leaf, 16)
  return wordsToBytes(leaf)
}

export const reference = referenceFor(sirSpec, ({ plan, key }, shard) => referenceSir(plan, key, shard))
