import { leapOracle } from '../../numerics/leap.test-support.ts'
import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { fanWords } from '../fan.test-support.ts'
import type { SirConstants } from './plan.ts'

/** ensemble@1/sir.v1 in BigInt, from the formula in the header of shaders/ensemble/sir.v1.wgsl. */

function binOf(people: bigint): number {
  if (people < 4n) return Number(people)
  const exponent = people.toString(2).length - 1
  return 4 * (exponent - 2) + Number(people >> BigInt(exponent - 2))
}

function oracleRun(c: SirConstants, key: readonly [number, number], run: bigint) {
  let s = BigInt(c.susceptible)
  let infectious = BigInt(c.infectious)
  let [peak, peakStep] = [infectious, 0]
  const fan: { value: bigint; bin: number }[] = []
  const leap = (count: bigint, rate: bigint, word: bigint): bigint => {
    const mean = count * rate
    const draw = leapOracle(mean >> 31n, (mean % (1n << 31n)) << 1n, word)
    return draw < count ? draw : count
  }
  for (let step = 1; step <= c.steps; step++) {
    const words = philoxOracle([BigInt(step), run, 0n, 0n], key.map(BigInt))
    const scaled = (infectious << BigInt(c.population_shift)) * BigInt(c.force)
    const infections = leap(s, (scaled + (1n << 31n)) >> 32n, words[0] as bigint)
    const recoveries = leap(infectious, BigInt(c.recovery), words[1] as bigint)
    s -= infections
    infectious += infections - recoveries
    if (infectious > peak) [peak, peakStep] = [infectious, step]
    // The steps at which the k-th report is due, k from 1.
    for (let k = 1; k <= 24; k++) {
      if (step === Math.floor((k * c.steps) / 24))
        fan.push({ value: infectious, bin: binOf(infectious >> BigInt(c.bin_shift)) })
    }
  }
  return { infected: BigInt(c.infectious + c.susceptible) - s, peak, peakStep, fan }
}

export function oracleLeaf(
  c: SirConstants,
  key: readonly [number, number],
  first: number,
  count: number,
): number[] {
  const runs = Array.from({ length: count }, (_, i) => oracleRun(c, key, BigInt(first + i)))
  const limbs = (value: bigint, n: number): number[] =>
    Array.from({ length: n }, (_, i) => Number((value >> BigInt(32 * i)) & 0xffffffffn))
  const sum = (of: (run: (typeof runs)[number]) => bigint): bigint =>
    runs.reduce((total, run) => total + of(run), 0n)
  return [
    count,
    runs.filter(({ infected }) => infected >= BigInt(c.outbreak)).length,
    Number(runs.reduce((most, { peak }) => (peak > most ? peak : most), 0n)),
    0,
    ...limbs(
      sum(({ infected }) => infected),
      2,
    ),
    ...limbs(
      sum(({ infected }) => infected ** 2n),
      3,
    ),
    ...limbs(
      sum(({ peak }) => peak),
      2,
    ),
    ...limbs(
      sum(({ peak }) => peak ** 2n),
      3,
    ),
    ...limbs(
      sum(({ peakStep }) => BigInt(peakStep)),
      2,
    ),
    ...fanWords(runs.map(({ fan }) => fan)),
  ]
}
