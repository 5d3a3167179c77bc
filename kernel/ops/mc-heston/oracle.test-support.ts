import { integerSqrt } from '../../numerics/bigmath.ts'
import { philoxOracle } from '../../numerics/philox.test-support.ts'
import { exp2Oracle, normalOracle, SATURATED, scaleOracle } from '../../numerics/rows.test-support.ts'
import type { OutcomeSample } from '../outcome.test-support.ts'
import type { HestonArgs } from './args.ts'
import type { HestonConstants } from './plan.ts'

/** One path of mc@1/heston.v1 in BigInt, from the formula in the header of shaders/mc/heston.v1.wgsl. */
export function oraclePath(
  args: HestonArgs,
  c: HestonConstants,
  key: readonly [number, number],
  path: bigint,
): OutcomeSample {
  const rho = args.correlation < 0 ? -BigInt(c.correlation) : BigInt(c.correlation)
  const pull = (BigInt(c.pull) << 32n) + BigInt(c.pull_fraction)
  let saturated = 0
  const limit = (value: bigint): bigint => {
    if (value >= 1n << 31n || value < -(1n << 31n)) throw new Error('the state leaves i32')
    if (value <= 1n << 30n && value >= -(1n << 30n)) return value
    saturated++
    return value < 0n ? -(1n << 30n) : 1n << 30n
  }
  const times = (value: bigint, factor: bigint): bigint =>
    factor < 0n ? -scaleOracle(value, -factor, 32n) : scaleOracle(value, factor, 32n)
  let x = 0n
  let v = BigInt(c.variance)
  for (let step = 0; step < args.steps; step++) {
    const words = philoxOracle(
      [BigInt(step >> 1), path & 0xffffffffn, path >> 32n, 0n],
      key.map((word) => BigInt(word)),
    )
    const z = normalOracle(words[2 * (step % 2)] as bigint)
    const w = normalOracle(words[2 * (step % 2) + 1] as bigint)
    const vPlus = v > 0n ? v : 0n
    const s = 2n * integerSqrt((2n * vPlus) << 30n)
    const drift = (scaleOracle(2n * vPlus, BigInt(c.price_drift), 32n) + 8n) >> 4n
    const mixed = times(16n * z, rho) + times(16n * w, BigInt(c.correlation_rest))
    x = limit(x - drift + times(times(16n * z, s), BigInt(c.price_noise)))
    // The pull of all steps so far, rounded, less that of the steps before.
    const rounded = (steps: number): bigint => (BigInt(steps) * pull + (1n << 31n)) >> 32n
    v = limit(
      v -
        scaleOracle(2n * vPlus, BigInt(c.reversion), 32n) +
        rounded(step + 1) -
        rounded(step) +
        times(times(2n * mixed, s), BigInt(c.variance_noise)),
    )
  }
  const ratio = exp2Oracle((x + BigInt(c.total_drift) + 2n) >> 2n, BigInt(30 - c.ratio_bits))
  if (ratio === SATURATED) saturated++
  const gain = args.right === 'call' ? ratio - BigInt(c.strike) : BigInt(c.strike) - ratio
  const outcome = gain > 0n ? gain : 0n
  return { outcome, bin: Number(outcome >> BigInt(c.bin_shift)), control: ratio, saturated }
}

type Complex = readonly [number, number]
const mul = ([a, b]: Complex, [c, d]: Complex): Complex => [a * c - b * d, a * d + b * c]
const sub = ([a, b]: Complex, [c, d]: Complex): Complex => [a - c, b - d]
const add = ([a, b]: Complex, [c, d]: Complex): Complex => [a + c, b + d]
const div = ([a, b]: Complex, [c, d]: Complex): Complex => {
  const n = c * c + d * d
  return [(a * c + b * d) / n, (b * c - a * d) / n]
}
const exp = ([a, b]: Complex): Complex => [Math.exp(a) * Math.cos(b), Math.exp(a) * Math.sin(b)]
const log = ([a, b]: Complex): Complex => [Math.log(Math.hypot(a, b)), Math.atan2(b, a)]
const sqrt = ([a, b]: Complex): Complex => {
  const r = Math.sqrt(Math.hypot(a, b))
  const angle = Math.atan2(b, a) / 2
  return [r * Math.cos(angle), r * Math.sin(angle)]
}

/**
 * The price of a European call in doubles by its characteristic function. Source: Albrecher, Mayer, Schoutens, Tistaert,
 * "The little Heston trap", Wilmott (2007), second formulation; Simpson's rule on (0, 200].
 */
export function hestonCall(args: HestonArgs): number {
  const { spot, strike, rate, dividend_yield: q, maturity_years: t } = args
  const { mean_reversion: kappa, variance_volatility: xi, correlation: rho } = args
  const characteristic = (u: Complex): Complex => {
    const iu: Complex = [-u[1], u[0]]
    const b: Complex = sub([kappa, 0], mul([rho * xi, 0], iu))
    const d = sqrt(add(mul(b, b), mul([xi * xi, 0], add(iu, mul(u, u)))))
    const g = div(sub(b, d), add(b, d))
    const decay = exp(mul([-t, 0], d))
    const ratio = div(sub([1, 0], mul(g, decay)), sub([1, 0], g))
    const c = mul(
      [(kappa * args.long_run_variance) / xi ** 2, 0],
      sub(mul([t, 0], sub(b, d)), mul([2, 0], log(ratio))),
    )
    const e = mul(div(sub(b, d), [xi * xi, 0]), div(sub([1, 0], decay), sub([1, 0], mul(g, decay))))
    const forward = Math.log(spot) + (rate - q) * t
    return exp(add(add(c, mul([args.initial_variance, 0], e)), mul([forward, 0], iu)))
  }
  const probability = (shifted: boolean): number => {
    const scale: Complex = shifted ? characteristic([0, -1]) : [1, 0]
    const integrand = (u: number): number => {
      const phi = div(characteristic(shifted ? [u, -1] : [u, 0]), scale)
      return div(mul(exp([0, -u * Math.log(strike)]), phi), [0, u])[0]
    }
    const n = 20_000
    const h = 200 / n
    let sum = integrand(1e-8) + integrand(200)
    for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * integrand(i * h)
    return 0.5 + (sum * h) / (3 * Math.PI)
  }
  return spot * Math.exp(-q * t) * probability(true) - strike * Math.exp(-rate * t) * probability(false)
}
