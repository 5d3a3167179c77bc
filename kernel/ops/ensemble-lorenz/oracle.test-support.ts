import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { normalOracle, scaleOracle } from '../../numerics/rows.test-support.ts'
import { fanWords } from '../fan.test-support.ts'
import type { LorenzArgs } from './args.ts'
import type { LorenzConstants } from './plan.ts'

/** ensemble@1/lorenz.v1 in BigInt, from the formula in the header of shaders/ensemble/lorenz.v1.wgsl. */

type Vector = readonly [bigint, bigint, bigint]

const ONE = 1n << 29n

/** A value that must be an i32 whatever happens. */
function word(value: bigint): bigint {
  if (value >= 1n << 31n || value < -(1n << 31n)) throw new Error(`${value} leaves i32`)
  return value
}

function oracleRun(args: LorenzArgs, c: LorenzConstants, key: readonly [number, number], run: bigint) {
  let saturations = 0
  const bounded = (v: Vector, limit: bigint): Vector =>
    v.map((value) => {
      word(value)
      if (value <= limit && value >= -limit) return value
      saturations++
      return value < 0n ? -limit : limit
    }) as unknown as Vector
  const scale = (a: bigint, constant: number): bigint => word(scaleOracle(a, BigInt(constant), 32n))
  const times = (a: bigint, b: bigint): bigint =>
    word(b < 0n ? -scaleOracle(a, -b, 29n) : scaleOracle(a, b, 29n))
  const slope = ([x, y, z]: Vector): Vector =>
    bounded(
      [
        scale(word(y - x), c.sigma),
        times(x, BigInt(c.rho) - 2n * scale(z, c.coupling)) - scale(y, c.step),
        2n * scale(times(x, y), c.coupling) - scale(z, c.beta),
      ],
      ONE >> 1n,
    )
  const add = (s: Vector, k: (i: 0 | 1 | 2) => bigint): Vector =>
    bounded([s[0] + k(0), s[1] + k(1), s[2] + k(2)], ONE)
  const draws = philoxOracle([0n, run, 0n, 0n], key.map(BigInt)).map((u) => normalOracle(u))
  let s = [c.x, c.y, c.z].map(
    (start, i) => BigInt(start) + scale(16n * (draws[i] as bigint), c.error),
  ) as unknown as Vector
  const reports = Array.from({ length: 24 }, (_, k) => Math.floor(((k + 1) * args.steps) / 24))
  const fan: { value: bigint; bin: number }[] = []
  for (let step = 1; step <= args.steps; step++) {
    const k1 = slope(s)
    const k2 = slope(add(s, (i) => k1[i] >> 1n))
    const k3 = slope(add(s, (i) => k2[i] >> 1n))
    const k4 = slope(add(s, (i) => k3[i]))
    s = add(s, (i) => scale(word(k1[i] + 2n * k2[i] + 2n * k3[i] + k4[i]), 715827883))
    if (!reports.includes(step)) continue
    const value = s[['x', 'y', 'z'].indexOf(args.coordinate)] as bigint
    fan.push({ value: value + ONE, bin: Math.min(Number((value + ONE) >> 24n), 63) })
  }
  return { s, saturations, fan }
}

export function oracleLeaf(
  args: LorenzArgs,
  c: LorenzConstants,
  key: readonly [number, number],
  first: number,
  count: number,
): number[] {
  const runs = Array.from({ length: count }, (_, i) => oracleRun(args, c, key, BigInt(first + i)))
  const limbs = (value: bigint): number[] => [Number(value & 0xffffffffn), Number(value >> 32n)]
  return [
    count,
    ...limbs(BigInt(runs.reduce((total, { saturations }) => total + saturations, 0))),
    0,
    ...[0, 1, 2].flatMap((i) => limbs(runs.reduce((total, { s }) => total + (s[i] as bigint) + ONE, 0n))),
    ...new Array<number>(6).fill(0),
    ...fanWords(runs.map(({ fan }) => fan)),
  ]
}

/** The same equations in doubles from the unperturbed start. */
export function doubleTrajectory(args: LorenzArgs): { x: number; y: number; z: number } {
  const { sigma, rho, beta, time_step: h } = args
  const f = ([x, y, z]: readonly number[]): number[] => {
    const [a, b, c] = [x as number, y as number, z as number]
    return [sigma * (b - a), a * (rho - c) - b, a * b - beta * c]
  }
  let s = [args.x, args.y, args.z]
  const along = (k: readonly number[], t: number): number[] =>
    s.map((value, i) => value + t * (k[i] as number))
  for (let step = 0; step < args.steps; step++) {
    const k1 = f(s)
    const k2 = f(along(k1, h / 2))
    const k3 = f(along(k2, h / 2))
    const k4 = f(along(k3, h))
    s = s.map(
      (value, i) =>
        value +
        (h / 6) * ((k1[i] as number) + 2 * (k2[i] as number) + 2 * (k3[i] as number) + (k4[i] as number)),
    )
  }
  return { x: s[0] as number, y: s[1] as number, z: s[2] as number }
}
