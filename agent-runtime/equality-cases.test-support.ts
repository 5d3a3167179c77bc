import type { JsonObject } from '../kernel/canonical.ts'
import type { ContractInput } from '../kernel/contract.ts'
import { sha256Hex } from '../kernel/digest.ts'
import type { PreparedJob } from '../kernel/job.ts'
import { philox4x32 } from '../kernel/numerics/philox.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import { OPS } from '../kernel/ops/registry.ts'

/** Shards of a contract that every executor must agree on, byte for byte. */
export interface EqualityCase {
  readonly op: string
  readonly name: string
  readonly first: number
  readonly count: number
  prepare(): { readonly job: PreparedJob; readonly inputs: InputBytes }
}

const OPTION = {
  spot: 100,
  strike: 95,
  rate: 0.02,
  volatility: 0.3,
  maturity_years: 2,
  steps: 52,
  paths: 3000,
}

function plain(op: string, name: string, args: JsonObject, first = 0, count = 1): EqualityCase {
  return {
    op,
    name,
    first,
    count,
    prepare: () => ({
      job: OPS.prepare({
        contract: 1,
        op: { ...OPS.get(op).ref },
        args,
        seed: { mode: 'explicit', value: `equality of ${name}` },
        verify: { mode: 'none' },
      } satisfies ContractInput),
      inputs: new Map(),
    }),
  }
}

const pi = (name: string, points: number, first = 0, count = 1) =>
  plain('mc@1/pi.v1', name, { points }, first, count)

const gbm = (name: string, args: Record<string, string | number>, first = 0, count = 1) =>
  plain('mc@1/gbm.v1', name, { ...OPTION, style: 'european', right: 'call', ...args }, first, count)

const heston = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain(
    'mc@1/heston.v1',
    name,
    {
      spot: 100,
      strike: 95,
      rate: 0.02,
      initial_variance: 0.06,
      long_run_variance: 0.04,
      mean_reversion: 2,
      variance_volatility: 0.5,
      correlation: -0.6,
      maturity_years: 1,
      steps: 52,
      paths: 2000,
      right: 'call',
      ...args,
    },
    first,
    count,
  )

const POSITIONS = [
  { name: 'shares', exposure: 6000, volatility: 0.2, expected_return: 0.05 },
  { name: 'bonds', exposure: 3000, volatility: 0.06 },
  { name: 'short', exposure: -2000, volatility: 0.5 },
  { name: 'gold', exposure: 1000, volatility: 0.15 },
  { name: 'cash', exposure: 500, volatility: 0 },
]
const portfolio = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain(
    'mc@1/portfolio.v1',
    name,
    {
      positions: POSITIONS,
      correlations: POSITIONS.map((_, i) =>
        POSITIONS.map((__, j) => (i === j ? 1 : 0.3 - 0.1 * ((i + j) % 4))),
      ),
      paths: 3000,
      ...args,
    },
    first,
    count,
  )

const insurance = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain(
    'mc@1/insurance.v1',
    name,
    {
      claim_frequency: 6,
      claim_mean: 100,
      claim_deviation: 150,
      claim_deductible: 20,
      claim_limit: 500,
      catastrophe_frequency: 0.4,
      catastrophe_threshold: 1000,
      catastrophe_limit: 20_000,
      years: 3000,
      ...args,
    },
    first,
    count,
  )

const eta = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain(
    'mc@1/eta.v1',
    name,
    {
      segments: [
        { name: 'city', minutes: 18, variation: 0.4 },
        { name: 'motorway', minutes: 42, variation: 0.1 },
        { name: 'walk', minutes: 5, variation: 0 },
      ],
      deadline_minutes: 80,
      bad_weather_probability: 0.2,
      incidents_per_hour: 0.5,
      trips: 3000,
      ...args,
    },
    first,
    count,
  )

const sir = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain(
    'ensemble@1/sir.v1',
    name,
    {
      population: 1000,
      initially_infectious: 5,
      transmission_rate: 0.5,
      recovery_rate: 0.25,
      days: 60,
      steps_per_day: 2,
      runs: 300,
      ...args,
    },
    first,
    count,
  )

const ising = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain(
    'ensemble@1/ising.v1',
    name,
    { size: 32, temperature: 2.2, burn_in: 10, measured: 20, interval: 4, replicas: 8, ...args },
    first,
    count,
  )

const lorenz = (name: string, args: JsonObject, first = 0, count = 1) =>
  plain('ensemble@1/lorenz.v1', name, { steps: 100, runs: 100, ...args }, first, count)

/** Resamples of two columns of words below 2^20, some of them equal. */
function bootstrap(name: string, rows: number, args: JsonObject, first = 0, count = 1): EqualityCase {
  return {
    op: 'ensemble@1/bootstrap.v1',
    name,
    first,
    count,
    prepare: () => {
      const data = operand(8 * rows, 3, (i, random) =>
        i % 4 === 3 ? 0 : i % 4 === 2 ? random & 15 : random & 0xff,
      )
      const job = OPS.prepare({
        contract: 1,
        op: { ...OPS.get('ensemble@1/bootstrap.v1').ref },
        args,
        inputs: { data: { digest: sha256Hex(data), dtype: 'int32', shape: [rows, 2] } },
        seed: { mode: 'explicit', value: `equality of ${name}` },
        verify: { mode: 'none' },
      } satisfies ContractInput)
      return { job, inputs: new Map([['data', data]]) }
    },
  }
}

function matmul(
  name: string,
  [rows, depth, columns]: readonly [number, number, number],
  fill: (i: number, random: number) => number,
  first = 0,
  count = 1,
): EqualityCase {
  return {
    op: 'tensor@1/matmul.v1',
    name,
    first,
    count,
    prepare: () => {
      const a = operand(rows * depth, 1, fill)
      const b = operand(depth * columns, 2, fill)
      const ref = (bytes: Uint8Array, shape: number[]) => ({
        digest: sha256Hex(bytes),
        dtype: 'int8' as const,
        shape,
      })
      const job = OPS.prepare({
        contract: 1,
        op: { ...OPS.get('tensor@1/matmul.v1').ref },
        args: {},
        inputs: { a: ref(a, [rows, depth]), b: ref(b, [depth, columns]) },
        seed: { mode: 'derived' },
        verify: { mode: 'none' },
      } satisfies ContractInput)
      return {
        job,
        inputs: new Map([
          ['a', a],
          ['b', b],
        ]),
      }
    },
  }
}

function operand(length: number, stream: number, fill: (i: number, random: number) => number): Uint8Array {
  const words = new Uint32Array(4)
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    philox4x32(words, i, 0, 0, stream, 0x5eed, 0)
    bytes[i] = fill(i, words[0] as number)
  }
  return bytes
}

const anyByte = (_: number, random: number) => random & 0xff

export const EQUALITY_CASES: readonly EqualityCase[] = [
  pi('one point', 1),
  pi('an odd number of points', 10_001),
  pi('a full shard and the last one', 3 * 2 ** 22 + 7, 2, 2),
  pi('points beyond 2^32 pairs', 2 ** 34 + 1001, 4096, 1),
  gbm('European call', {}),
  gbm('European put, deep in the money', { right: 'put', strike: 300 }),
  gbm('Asian call', { style: 'asian', steps: 252, paths: 400 }),
  gbm('Asian put, 3 steps', { style: 'asian', right: 'put', steps: 3 }),
  gbm('one step', { steps: 1 }),
  gbm('4,096 steps', { steps: 4096, paths: 100 }),
  gbm('wild: ratios saturate', { volatility: 1.5, maturity_years: 1, steps: 12 }),
  gbm('falling drift', { rate: -0.5, dividend_yield: 0.3, maturity_years: 5 }),
  gbm('a full shard and the last one', { paths: 3 * 65_536 + 5 }, 2, 2),
  gbm('paths beyond 2^32', { steps: 4, paths: 2 ** 33 + 100 }, 8192, 1),
  heston('call', {}),
  heston('put, odd steps, rising correlation', { right: 'put', steps: 31, correlation: 0.5 }),
  heston('wild: variances reach both ends', {
    initial_variance: 1,
    long_run_variance: 1,
    mean_reversion: 0.5,
    variance_volatility: 1.1,
    maturity_years: 4,
    steps: 400,
    paths: 300,
  }),
  heston('a full shard and the last one', { steps: 4096, paths: 3 * 128 + 5 }, 2, 2),
  heston('the far end of 2^30 paths', { steps: 1000, paths: 2 ** 30 - 509 }, 2 ** 21 - 1, 1),
  portfolio('simple returns, normal tails', {}),
  portfolio('log returns, student tails', { returns: 'log', tails: 'student', degrees_of_freedom: 30 }),
  portfolio('returns that saturate', {
    returns: 'log',
    tails: 'student',
    degrees_of_freedom: 3,
    horizon_days: 250,
  }),
  portfolio('sixteen positions', {
    positions: Array.from({ length: 16 }, (_, i) => ({
      name: `position ${i}`,
      exposure: 100 - 13 * i,
      volatility: i / 20,
    })),
    correlations: [],
  }),
  portfolio('the far end of 2^30 paths', { paths: 2 ** 30 - 2 ** 18 + 777 }, 2 ** 12 - 1, 1),
  insurance('every term', { aggregate_deductible: 100, aggregate_limit: 5000 }),
  insurance('no terms, many claims', { claim_frequency: 150, claim_limit: 0, years: 1000 }),
  insurance('catastrophes with a heavy tail', {
    claim_frequency: 0,
    catastrophe_frequency: 5,
    catastrophe_tail_index: 0.8,
    catastrophe_limit: 1e12,
  }),
  insurance('a full shard and the last one', { claim_frequency: 100, years: 3 * 8192 + 5 }, 2, 2),
  insurance('the far end of 2^30 years', { years: 2 ** 30 - 2 ** 17 + 777 }, 2 ** 13 - 1, 1),
  eta('three segments', {}),
  eta('always bad weather, many incidents', { bad_weather_probability: 1, incidents_per_hour: 4.5 }),
  eta('sixteen segments', {
    segments: Array.from({ length: 16 }, (_, i) => ({ name: `s${i}`, minutes: 1 + i, variation: i / 8 })),
    traffic_correlation: 1,
  }),
  eta('the far end of 2^30 trips', { trips: 2 ** 30 - 2 ** 19 + 777 }, 2 ** 30 / 2 ** 17 - 4, 1),
  sir('a village', {}),
  sir('ten million people', { population: 10_000_000, initially_infectious: 50_000, runs: 200 }),
  sir('1,024 steps, most immune', { days: 1024, steps_per_day: 1, initially_immune: 500, runs: 100 }),
  sir(
    'the far end of 2^26 runs',
    { days: 29, steps_per_day: 1, runs: 2 ** 26 - 2 ** 15 + 777 },
    2 ** 14 - 8,
    1,
  ),
  ising('32 x 32', {}),
  ising('16 x 16, random start', { size: 16, start: 'random', replicas: 50 }),
  ising('8 x 8, hot', { size: 8, temperature: 50, start: 'random', replicas: 50 }),
  ising('4 x 4, 1,024 sweeps, cold', { size: 4, temperature: 0.4, burn_in: 1, measured: 1023, interval: 1 }),
  ising('the far end of 2^24 replicas', { size: 8, replicas: 2 ** 24 - 2 ** 15 + 77 }, 32_704, 1),
  lorenz('the classical system, 4,096 steps', { steps: 4096 }),
  lorenz('states that reach the end of their format', {
    x: 30,
    y: 30,
    z: -30,
    rho: 35,
    sigma: 20,
    time_step: 0.02,
    coordinate: 'z',
  }),
  lorenz('y, a large error', { coordinate: 'y', initial_error: 1, steps: 29 }),
  lorenz('the far end of 2^26 runs', { runs: 2 ** 26 - 2 ** 15 + 77 }, 65_504, 1),
  bootstrap('mean of 301 rows', 301, { resamples: 700 }, 1, 2),
  bootstrap('mean of one row', 1, { resamples: 100 }),
  bootstrap('median of 3,003 rows', 3003, { statistic: 'quantile', resamples: 100 }),
  bootstrap('largest of 302 rows', 302, { statistic: 'quantile', percent: 99.9, resamples: 100 }),
  bootstrap('median of 32,000 rows', 32_000, { statistic: 'quantile', resamples: 100 }),
  bootstrap('correlation', 303, { statistic: 'correlation', resamples: 200 }, 2, 2),
  matmul('1 x 1 x 1', [1, 1, 1], anyByte),
  matmul('odd shapes', [130, 513, 71], anyByte),
  matmul('all -128: the largest sums', [12, 4096, 12], () => 0x80),
  matmul('-128 by 127', [12, 4096, 12], (i) => (i % 2 === 0 ? 0x80 : 0x7f)),
  matmul('several tiles, the last ones short', [700, 1, 300], anyByte, 0, 4),
  matmul('a tile of a larger product', [1024, 64, 512], anyByte, 3, 2),
]
