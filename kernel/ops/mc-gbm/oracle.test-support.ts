import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { TABLES } from '../../numerics/tables/index.ts'
import type { GbmArgs } from './args.ts'
import type { GbmConstants } from './plan.ts'

/**
 * mc@1/gbm.v1 in BigInt, slow and written from the formula in the header of shaders/mc/gbm.v1.wgsl. It shares with the
 * implementation only the tables' words and the plan's constants.
 */

export const MASK = 0xffffffffn

function row(table: 'normal-quantile' | 'exp2', index: bigint): [bigint, bigint, bigint] {
  const words = TABLES[table].words
  return [0, 1, 2].map((i) => BigInt(words[4 * Number(index) + i] as number)) as [bigint, bigint, bigint]
}

/** floor(t x / 2^16) as two bytes of x are taken one after the other. */
function timesFraction(t: bigint, x: bigint): bigint {
  return (t * (x >> 8n) + ((t * (x % 256n)) >> 8n)) >> 8n
}

export function normal(u: bigint): bigint {
  const n = 2n * (u % (1n << 31n)) + 1n
  const e = BigInt(n.toString(2).length - 1)
  const aligned = n << (31n - e)
  const [c0, c1, c2] = row('normal-quantile', 16n * e + ((aligned >> 27n) % 16n))
  const x = (aligned >> 11n) % 65536n
  const z = c0 - timesFraction(c1 - ((c2 * x) >> 16n), x)
  return u >> 31n ? -z : z
}

export function exp2(f: bigint): bigint {
  const [c0, c1, c2] = row('exp2', f >> 16n)
  const x = f % 65536n
  return c0 + timesFraction(c1 + ((c2 * x) >> 16n), x)
}

export const SATURATED = (1n << 31n) - 1n

export interface OraclePath {
  readonly payoff: bigint
  readonly terminal: bigint
  readonly saturated: bigint
  /** The path's normals, Q24. */
  readonly normals: readonly bigint[]
}

export function oraclePath(
  args: GbmArgs,
  c: GbmConstants,
  key: readonly [number, number],
  path: bigint,
): OraclePath {
  const xBits = BigInt(c.x_bits)
  const normals = Array.from({ length: args.steps }, (_, step) => {
    const counter = [BigInt(step >> 2), path & MASK, path >> 32n, 0n]
    return normal(philoxOracle(counter, key.map(BigInt))[step % 4] as bigint)
  })
  const ratioAt = (step: number): bigint => {
    const sum = normals.slice(0, step).reduce((total, z) => total + z, 0n)
    const scaled = (sum << 8n) >> BigInt(c.normal_shift)
    if (scaled >= 1n << 31n || scaled < -(1n << 31n)) throw new Error('the sum of normals leaves i32')
    const magnitude = scaled < 0n ? -scaled : scaled
    const random = (magnitude * BigInt(c.volatility) + (1n << 31n)) >> 32n
    const perStep = (BigInt(c.step_drift) << 32n) + BigInt(c.step_drift_fraction)
    const drift = (BigInt(step) * perStep + (1n << 31n)) >> 32n
    const x = drift + (scaled < 0n ? -random : random)
    if (x >= 1n << 30n || x <= -(1n << 30n)) throw new Error('x leaves its proven range')
    const whole = x >> xBits
    const fraction = (x - (whole << xBits)) << (24n - xBits)
    const down = 30n - BigInt(c.ratio_bits) - whole
    if (down < 0n) return SATURATED
    // y / 2^down to the nearest, a half up.
    return (2n * exp2(fraction) + (1n << down)) >> (down + 1n)
  }
  const steps = args.style === 'asian' ? Array.from({ length: args.steps }, (_, i) => i + 1) : [args.steps]
  const ratios = steps.map(ratioAt)
  const terminal = ratios.at(-1) as bigint
  let settled = terminal
  if (args.style === 'asian') {
    const shifted = ratios.reduce((total, ratio) => total + ratio, 0n) >> BigInt(c.average_shift)
    settled = (shifted * BigInt(c.average_factor) + (1n << 31n)) >> 32n
  }
  const gain = args.right === 'call' ? settled - BigInt(c.strike) : BigInt(c.strike) - settled
  return {
    payoff: gain > 0n ? gain : 0n,
    terminal,
    saturated: BigInt(ratios.filter((ratio) => ratio === SATURATED).length),
    normals,
  }
}

/** The 528 words of the leaf over the global paths first .. first + count - 1. */
export function oracleLeaf(
  args: GbmArgs,
  c: GbmConstants,
  key: readonly [number, number],
  first: bigint,
  count: number,
): number[] {
  const bins = new Array<number>(512).fill(0)
  let [zeros, saturated, largest, sum, squares, terminals] = [0, 0n, 0n, 0n, 0n, 0n]
  for (let path = first; path < first + BigInt(count); path++) {
    const outcome = oraclePath(args, c, key, path)
    saturated += outcome.saturated
    terminals += outcome.terminal
    sum += outcome.payoff
    squares += outcome.payoff ** 2n
    if (outcome.payoff > largest) largest = outcome.payoff
    const bin = Math.min(Number(outcome.payoff >> BigInt(c.bin_shift)), 511)
    if (outcome.payoff === 0n) zeros++
    else bins[bin] = (bins[bin] as number) + 1
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
  ]
}
