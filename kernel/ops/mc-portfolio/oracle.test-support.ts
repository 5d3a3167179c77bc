import { integerSqrt } from '../../numerics/bigmath.ts'
import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { exp2Oracle, normalOracle, SATURATED, scaleOracle } from '../../numerics/rows.test-support.ts'
import type { PortfolioArgs } from './args.ts'
import { LEAF_WORDS, type PortfolioConstants } from './plan.ts'

/** mc@1/portfolio.v1 in BigInt, from the formula in the header of shaders/mc/portfolio.v1.wgsl. */

function draws(count: number, path: bigint, stream: bigint, key: readonly [number, number]): bigint[] {
  return Array.from({ length: count }, (_, i) => {
    const counter = [BigInt(i >> 2), path & 0xffffffffn, path >> 32n, stream]
    return normalOracle(philoxOracle(counter, key.map(BigInt))[i % 4] as bigint)
  })
}

const times = (a: bigint, b: bigint): bigint => (b < 0n ? -scaleOracle(a, -b, 32n) : scaleOracle(a, b, 32n))

function inside(value: bigint, bound: bigint, what: string): bigint {
  if (value > bound || value < -bound) throw new Error(`${what} leaves its proven range: ${value}`)
  return value
}

export function oraclePath(
  args: PortfolioArgs,
  c: PortfolioConstants,
  key: readonly [number, number],
  path: bigint,
): { loss: bigint; saturated: number } {
  let saturated = 0
  const n = c.terms.length
  const z = draws(n, path, 0n, key)
  let scale = 1n << 26n
  if (args.tails === 'student') {
    const nu = args.degrees_of_freedom
    const chi2 = draws(nu, path, 1n, key).reduce(
      (sum, x) => sum + (((((16n * x) ** 2n) >> 32n) + 4n) >> 3n),
      0n,
    )
    let squared = (1n << 32n) - 1n
    if (BigInt(nu - 2) << 9n < chi2) squared = (BigInt(nu - 2) << 41n) / chi2
    else saturated++
    scale = 2n * integerSqrt(squared << 30n)
  }
  let loss = 0n
  c.terms.forEach(({ volatility, drift, weight, negative }, i) => {
    const row = c.factor[i] as readonly number[]
    const y = row.reduce((sum, l, j) => sum + times(16n * (z[j] as bigint), BigInt(l)), 0n)
    const u = times(inside(y, (1n << 31n) - 1n, 'y'), scale)
    const product = (u < 0n ? -u : u) * BigInt(volatility)
    const within = product < 1n << 57n
    const size = within ? (product + (1n << 26n)) >> 27n : 1n << 30n
    const spread = y < 0n ? -size : size
    let gain = BigInt(drift) + spread
    let beyond = !within
    if (args.returns === 'log') {
      const growth = exp2Oracle(BigInt(drift) + ((spread + 1n) >> 1n), 5n)
      beyond ||= growth === SATURATED
      gain = growth - (1n << 25n)
    }
    if (beyond) saturated++
    const part = times(inside(gain, (1n << 31n) - 1n, 'a return'), BigInt(weight))
    loss -= negative === 1 ? -part : part
  })
  return { loss: inside(loss, (1n << 30n) + 16n, 'a loss'), saturated }
}

export function oracleLeaf(
  args: PortfolioArgs,
  c: PortfolioConstants,
  key: readonly [number, number],
  first: bigint,
  count: number,
): number[] {
  const leaf = new Array<bigint>(LEAF_WORDS).fill(0n)
  const add = (at: number, value: bigint): void => {
    leaf[at] = (leaf[at] as bigint) + value
  }
  const tails = new Map<number, bigint>()
  let [sum, squares] = [0n, 0n]
  for (let path = first; path < first + BigInt(count); path++) {
    const { loss, saturated } = oraclePath(args, c, key, path)
    add(0, 1n)
    add(1, BigInt(saturated))
    const biased = loss + (1n << 31n)
    if (biased > (leaf[3] as bigint)) leaf[3] = biased
    sum += biased
    squares += loss * loss
    const body = Number((loss - BigInt(c.body_start)) >> BigInt(c.body_shift))
    add(16 + Math.min(Math.max(body, 0), 191), 1n)
    const above = loss - BigInt(c.tail_start)
    if (above < 0n) continue
    const bin = Math.min(Number(above >> BigInt(c.tail_shift)), 255)
    add(208 + 3 * bin, 1n)
    tails.set(bin, (tails.get(bin) ?? 0n) + above)
  }
  const limbs = (at: number, value: bigint): void => {
    for (let i = 0; value >> BigInt(32 * i) > 0n; i++) add(at + i, (value >> BigInt(32 * i)) & 0xffffffffn)
  }
  limbs(4, sum)
  limbs(8, squares)
  for (const [bin, value] of tails) limbs(208 + 3 * bin + 1, value)
  return leaf.map(Number)
}
