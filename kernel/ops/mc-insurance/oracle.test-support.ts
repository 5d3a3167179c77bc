import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { exp2Oracle, normalOracle, SATURATED, scaleOracle } from '../../numerics/rows.test-support.ts'
import type { OutcomeSample } from '../outcome.test-support.ts'
import type { InsuranceConstants } from './plan.ts'

const smaller = (a: bigint, b: bigint): bigint => (a < b ? a : b)

/** The paid part of an amount. */
function paid(gross: bigint, deductible: number, limit: number): bigint {
  return smaller(gross > BigInt(deductible) ? gross - BigInt(deductible) : 0n, BigInt(limit))
}

/** The bin of equal relative width, by its definition. */
function binOf(value: bigint): number {
  if (value < 16n) return Number(value)
  const exponent = value.toString(2).length - 1
  return 16 * (exponent - 4) + Number(value >> BigInt(exponent - 4))
}

/** One year of mc@1/insurance.v1 in BigInt, from the formula in the header of shaders/mc/insurance.v1.wgsl. */
export function oracleYear(
  c: InsuranceConstants,
  key: readonly [number, number],
  year: bigint,
): OutcomeSample {
  const word = (index: number, stream: bigint): bigint => {
    const counter = [BigInt(index >> 2), year & 0xffffffffn, year >> 32n, stream]
    return philoxOracle(counter, key.map(BigInt))[index % 4] as bigint
  }
  const below = (thresholds: readonly number[], draw: bigint): number =>
    thresholds.filter((threshold) => draw > BigInt(threshold)).length
  const claims = below(c.claim_thresholds, word(0, 0n))
  const catastrophes = below(c.catastrophe_thresholds, word(1, 0n))
  let saturated = 0
  let sum = 0n
  const add = (gross: bigint, deductible: number, limit: number): void => {
    sum += paid(gross, deductible, limit)
    if (sum > SATURATED || (gross === SATURATED && BigInt(limit) === SATURATED)) saturated++
    sum = smaller(sum, SATURATED)
  }
  for (let i = 0; i < claims; i++) {
    const z = normalOracle(word(i, 1n))
    const part = scaleOracle(16n * (z < 0n ? -z : z), BigInt(c.claim_scale), 32n)
    const size = (part + 1n) >> 1n
    add(
      exp2Oracle(BigInt(c.claim_location) + (z < 0n ? -size : size), 30n),
      c.claim_deductible,
      c.claim_limit,
    )
  }
  for (let i = 0; i < catastrophes; i++) {
    const squares = [0, 1].reduce(
      (total, j) => total + (((16n * normalOracle(word(2 * i + j, 2n))) ** 2n) >> 32n),
      0n,
    )
    const x = BigInt(c.catastrophe_location) + scaleOracle(2n * squares, BigInt(c.catastrophe_scale), 32n)
    if (x >= 1n << 31n) throw new Error('the logarithm of a catastrophe leaves i32')
    add(exp2Oracle(x, 30n), 0, c.catastrophe_limit)
  }
  const outcome = paid(sum, c.aggregate_deductible, c.aggregate_limit)
  return { outcome, bin: binOf(outcome), control: BigInt(claims + catastrophes), saturated }
}
