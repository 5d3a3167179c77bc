import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { exp2Oracle, normalOracle, SATURATED, scaleOracle } from '../../numerics/rows.test-support.ts'
import type { OutcomeSample } from '../outcome.test-support.ts'
import type { EtaConstants } from './plan.ts'

/** One trip of mc@1/eta.v1 in BigInt, from the formula in the header of shaders/mc/eta.v1.wgsl. */
export function oracleTrip(c: EtaConstants, key: readonly [number, number], trip: bigint): OutcomeSample {
  const word = (index: number, stream: bigint): bigint => {
    const counter = [BigInt(index >> 2), trip & 0xffffffffn, trip >> 32n, stream]
    return philoxOracle(counter, key.map(BigInt))[index % 4] as bigint
  }
  const weather = word(0, 0n) < BigInt(c.weather_threshold) ? BigInt(c.weather) : 0n
  const incidents = c.thresholds.filter((threshold) => word(1, 0n) > BigInt(threshold)).length
  const shared = scaleOracle(16n * normalOracle(word(2, 0n)), BigInt(c.common), 32n)
  const parts = c.segments.map(({ location, scale }, i) => {
    const g = shared + scaleOracle(16n * normalOracle(word(i, 1n)), BigInt(c.own), 32n)
    const x = BigInt(location) + scaleOracle(g, BigInt(scale), 32n) + weather
    if (x >= 1n << 31n || x < -(1n << 31n)) throw new Error('the logarithm of a time leaves i32')
    return exp2Oracle(x, 30n)
  })
  for (let i = 0; i < incidents; i++) {
    const squares = [0, 1].map((j) => ((16n * normalOracle(word(2 * i + j, 2n))) ** 2n) >> 32n)
    parts.push(scaleOracle(2n * ((squares[0] as bigint) + (squares[1] as bigint)), BigInt(c.delay), 32n))
  }
  let saturated = 0
  let time = 0n
  for (const part of parts) {
    time += part
    if (time > SATURATED || part === SATURATED) saturated++
    if (time > SATURATED) time = SATURATED
  }
  const above = time > BigInt(c.bin_start) ? time - BigInt(c.bin_start) : 0n
  return {
    outcome: time,
    bin: Number(above >> BigInt(c.bin_shift)),
    control: time > BigInt(c.deadline) ? 1n : 0n,
    saturated,
  }
}
