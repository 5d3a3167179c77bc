import { philoxOracle } from '../../numerics/philox.test-support.ts'
import type { GbmArgs } from './args.ts'
import { exp2, MASK, normal, SATURATED } from './oracle.test-support.ts'
import type { GbmConstants } from './plan.ts'
import type { WalkWords } from './scenarios.ts'

/**
 * The scenarios of mc@1/gbm.v1 in BigInt, written from the formula in the header of shaders/mc/gbm-scenarios.v1.wgsl: whole
 * paths as lists of prices, and every option from its own definition.
 */

/** The prices of a path under the terms of a walk, the start first, Q(F). */
function pricesOf(
  args: GbmArgs,
  c: GbmConstants,
  w: WalkWords,
  key: readonly [number, number],
  path: bigint,
) {
  const prices = [BigInt(w.start_ratio)]
  const xBits = BigInt(c.x_bits)
  const perStep = (BigInt(w.step_drift) << 32n) + BigInt(w.step_drift_fraction)
  let sum = 0n
  for (let step = 1n; step <= BigInt(args.steps); step++) {
    const block = philoxOracle([(step - 1n) / 4n, path & MASK, path >> 32n, 0n], key.map(BigInt))
    sum += normal(block[Number((step - 1n) % 4n)] as bigint)
    const scaled = (sum << 8n) >> BigInt(c.normal_shift)
    const size = scaled < 0n ? -scaled : scaled
    if (size >= 1n << 31n) throw new Error('the sum of normals leaves i32')
    const random = (size * BigInt(w.volatility) + (1n << 31n)) >> 32n
    const x = BigInt(w.start) + ((step * perStep + (1n << 31n)) >> 32n) + (scaled < 0n ? -random : random)
    if (x >= 1n << 30n || x <= -(1n << 30n)) throw new Error('x leaves its proven range')
    const whole = x >> xBits
    const down = 30n - BigInt(c.ratio_bits) - whole
    const mantissa = 2n * exp2((x - (whole << xBits)) << (24n - xBits))
    prices.push(down < 0n ? SATURATED : (mantissa + (1n << down)) >> (down + 1n))
  }
  return prices
}

function settle(args: GbmArgs, c: GbmConstants, prices: readonly bigint[]): bigint {
  const last = prices.at(-1) as bigint
  const high = prices.reduce((a, b) => (b > a ? b : a))
  const low = prices.reduce((a, b) => (b < a ? b : a))
  const strike = BigInt(c.strike)
  const call = args.right === 'call'
  const part = (x: bigint) => (x > 0n ? x : 0n)
  const vanilla = (price: bigint) => part(call ? price - strike : strike - price)
  if (args.style === 'european') return vanilla(last)
  if (args.style === 'asian') {
    const total = prices.slice(1).reduce((a, b) => a + b) >> BigInt(c.average_shift)
    return vanilla((total * BigInt(c.average_factor) + (1n << 31n)) >> 32n)
  }
  if (args.style === 'digital') return last > strike === call ? 1n << 30n : 0n
  if (args.style === 'lookback') {
    if (args.strike_type === 'fixed') return vanilla(call ? high : low)
    return call ? last - low : high - last
  }
  const level = BigInt(c.scenarios?.barrier ?? 0)
  const [direction, , kind] = (args.barrier_type ?? '').split('_')
  const reached = prices.some((price) => (direction === 'up' ? price >= level : price <= level))
  return reached === (kind === 'in') ? vanilla(last) : BigInt(c.scenarios?.rebate ?? 0)
}

/** The leaf's words over the global paths first .. first + count - 1. */
export function scenarioLeaf(
  args: GbmArgs,
  c: GbmConstants,
  key: readonly [number, number],
  first: bigint,
  count: number,
): number[] {
  const walks = c.scenarios?.walks ?? []
  const watched = args.style !== 'european' && args.style !== 'digital'
  const bins = new Array<number>(512).fill(0)
  const greeks =
    walks.length > 1 ? [1, 3, 5, 7, 9].map((up) => ({ up, plus: 0n, minus: 0n, squares: 0n })) : []
  let [zeros, saturated, largest, sum, squares, terminals] = [0, 0n, 0n, 0n, 0n, 0n]
  for (let path = first; path < first + BigInt(count); path++) {
    const outcomes = walks.map((w) => {
      const prices = pricesOf(args, c, w, key, path)
      const counted = watched ? prices.slice(1) : prices.slice(-1)
      const payoff = settle(args, c, watched ? prices : [BigInt(w.start_ratio), prices.at(-1) as bigint])
      return {
        value: (payoff * BigInt(w.weight) + (1n << 31n)) >> 32n,
        last: prices.at(-1) as bigint,
        saturated: BigInt(counted.filter((price) => price === SATURATED).length),
      }
    })
    const base = outcomes[0] as (typeof outcomes)[number]
    const outcomeOf = (walk: number) => outcomes[walk]?.value ?? 0n
    for (const outcome of greeks.length > 0 ? [...outcomes, base] : outcomes) saturated += outcome.saturated
    terminals += base.last
    sum += base.value
    squares += base.value ** 2n
    if (base.value > largest) largest = base.value
    const bin = Math.min(Number(base.value >> BigInt(c.bin_shift)), 511)
    if (base.value === 0n) zeros++
    else bins[bin] = (bins[bin] as number) + 1
    for (const greek of greeks) {
      const difference =
        greek.up === 3
          ? outcomeOf(3) - 2n * base.value + outcomeOf(4)
          : outcomeOf(greek.up) - outcomeOf(greek.up + 1)
      if (difference > 0n) greek.plus += difference
      else greek.minus -= difference
      greek.squares += difference ** 2n
    }
  }
  const limbs = (value: bigint): number[] =>
    [0n, 32n, 64n, 96n].map((shift) => Number((value >> shift) & MASK))
  return [
    count,
    zeros,
    Number(saturated),
    Number(largest),
    ...limbs(sum),
    ...limbs(squares),
    ...limbs(terminals),
    ...bins,
    ...greeks.flatMap(({ plus, minus, squares: of }) => [...limbs(plus), ...limbs(minus), ...limbs(of)]),
  ]
}
