import type { JsonObject } from '../kernel/canonical.ts'
import type { ContractInput, Dtype } from '../kernel/contract.ts'
import { sha256Hex } from '../kernel/digest.ts'
import type { PreparedJob } from '../kernel/job.ts'
import { philox4x32 } from '../kernel/numerics/philox.ts'
import type { InputBytes } from '../kernel/ops/op.ts'
import { DTYPE_BYTES, elementCount } from '../kernel/ops/operand.ts'
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

interface Operand {
  readonly dtype: Dtype
  readonly shape: readonly number[]
  readonly bytes: Uint8Array
}

function withOperands(
  op: string,
  name: string,
  args: JsonObject,
  operands: () => Readonly<Record<string, Operand>>,
  first = 0,
  count = 1,
): EqualityCase {
  return {
    op,
    name,
    first,
    count,
    prepare: () => {
      const entries = Object.entries(operands())
      const job = OPS.prepare({
        contract: 1,
        op: { ...OPS.get(op).ref },
        args,
        inputs: Object.fromEntries(
          entries.map(([input, { dtype, shape, bytes }]) => [
            input,
            { digest: sha256Hex(bytes), dtype, shape: [...shape] },
          ]),
        ),
        seed: { mode: 'derived' },
        verify: { mode: 'none' },
      } satisfies ContractInput)
      return { job, inputs: new Map(entries.map(([input, { bytes }]) => [input, bytes])) }
    },
  }
}

type Fill = (i: number, random: number) => number

const matmul = (
  name: string,
  [rows, depth, columns]: readonly [number, number, number],
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'tensor@1/matmul.v1',
    name,
    {},
    () => ({
      a: { dtype: 'int8', shape: [rows, depth], bytes: operand(rows * depth, 1, fill) },
      b: { dtype: 'int8', shape: [depth, columns], bytes: operand(depth * columns, 2, fill) },
    }),
    first,
    count,
  )

function operand(length: number, stream: number, fill: Fill): Uint8Array {
  const words = new Uint32Array(4)
  const bytes = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    philox4x32(words, i, 0, 0, stream, 0x5eed, 0)
    bytes[i] = fill(i, words[0] as number)
  }
  return bytes
}

const slicedMatmul = (
  name: string,
  args: JsonObject,
  dtype: 'int16' | 'float32',
  a: readonly [number, number],
  b: readonly [number, number],
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'tensor@1/matmul.v1',
    name,
    args,
    () => ({
      a: { dtype, shape: a, bytes: operand(DTYPE_BYTES[dtype] * elementCount(a), 1, fill) },
      b: { dtype, shape: b, bytes: operand(DTYPE_BYTES[dtype] * elementCount(b), 2, fill) },
    }),
    first,
    count,
  )

const mandelbrot = (name: string, args: Record<string, number>, first = 0, count = 1) =>
  plain('media@1/mandelbrot.v1', name, args, first, count)

const ntt = (
  name: string,
  [aType, aLength]: readonly [Dtype, number],
  [bType, bLength]: readonly [Dtype, number],
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'tensor@1/ntt.v1',
    name,
    {},
    () => ({
      a: { dtype: aType, shape: [aLength], bytes: operand(DTYPE_BYTES[aType] * aLength, 3, fill) },
      b: { dtype: bType, shape: [bLength], bytes: operand(DTYPE_BYTES[bType] * bLength, 4, fill) },
    }),
    first,
    count,
  )

const gemv = (
  name: string,
  dtype: 'int8' | 'int16',
  [rows, columns]: readonly [number, number],
  transpose: boolean,
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'tensor@1/gemv.v1',
    name,
    { transpose },
    () => {
      const [depth, bytes] = [transpose ? rows : columns, DTYPE_BYTES[dtype]]
      return {
        a: { dtype, shape: [rows, columns], bytes: operand(bytes * rows * columns, 5, fill) },
        x: { dtype, shape: [depth], bytes: operand(bytes * depth, 6, fill) },
      }
    },
    first,
    count,
  )

type Shape4 = readonly [number, number, number, number]

const conv2d = (
  name: string,
  args: Record<string, number>,
  x: Shape4,
  w: Shape4,
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'tensor@1/conv2d.v1',
    name,
    args,
    () => ({
      x: { dtype: 'int8', shape: x, bytes: operand(elementCount(x), 7, fill) },
      w: { dtype: 'int8', shape: w, bytes: operand(elementCount(w), 8, fill) },
    }),
    first,
    count,
  )

const filter = (
  name: string,
  args: JsonObject,
  [rows, columns]: readonly [number, number],
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'media@1/filter.v1',
    name,
    args,
    () => ({
      image: { dtype: 'uint8', shape: [rows, columns, 4], bytes: operand(4 * rows * columns, 9, fill) },
    }),
    first,
    count,
  )

const reduce = (
  name: string,
  axis: string,
  dtype: Dtype,
  [rows, columns]: readonly [number, number],
  fill: Fill,
  first = 0,
  count = 1,
) =>
  withOperands(
    'tensor@1/reduce.v1',
    name,
    { axis },
    () => ({
      x: { dtype, shape: [rows, columns], bytes: operand(DTYPE_BYTES[dtype] * rows * columns, 10, fill) },
    }),
    first,
    count,
  )

const elementwise = (
  name: string,
  args: JsonObject,
  [aType, bType]: readonly [Dtype, Dtype],
  [rows, columns]: readonly [number, number],
  bRows: number,
  fill: Fill,
) =>
  withOperands('tensor@1/elementwise.v1', name, args, () => ({
    a: {
      dtype: aType,
      shape: [rows, columns],
      bytes: operand(DTYPE_BYTES[aType] * rows * columns, 11, fill),
    },
    b: {
      dtype: bType,
      shape: [bRows, columns],
      bytes: operand(DTYPE_BYTES[bType] * bRows * columns, 12, fill),
    },
  }))

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
  sir('2,928 steps: three stages', { days: 366, steps_per_day: 8, runs: 100 }),
  sir(
    'the far end of 2^26 runs',
    { days: 29, steps_per_day: 1, runs: 2 ** 26 - 2 ** 15 + 777 },
    2 ** 14 - 8,
    1,
  ),
  ising('32 x 32', {}),
  ising('64 x 64, random start', { size: 64, start: 'random', burn_in: 3, measured: 4, interval: 2 }),
  ising('128 x 128', { size: 128, burn_in: 1, measured: 2, interval: 1 }),
  ising('256 x 256', { size: 256, burn_in: 1, measured: 2, interval: 2, start: 'random' }),
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
  bootstrap('mean of 70,001 rows: three stages', 70_001, { resamples: 100 }, 1, 1),
  bootstrap('median of 64,001 rows: fifteen stages', 64_001, { statistic: 'quantile', resamples: 100 }, 1, 1),
  bootstrap(
    'correlation of 32,001 rows: two stages',
    32_001,
    { statistic: 'correlation', resamples: 100 },
    2,
    1,
  ),
  bootstrap('correlation', 303, { statistic: 'correlation', resamples: 200 }, 2, 2),
  matmul('1 x 1 x 1', [1, 1, 1], anyByte),
  matmul('odd shapes', [130, 513, 71], anyByte),
  matmul('all -128: the largest sums', [12, 4096, 12], () => 0x80),
  matmul('-128 by 127', [12, 4096, 12], (i) => (i % 2 === 0 ? 0x80 : 0x7f)),
  matmul('several tiles, the last ones short', [700, 1, 300], anyByte, 0, 4),
  matmul('a tile of a larger product', [1024, 64, 512], anyByte, 3, 2),
  mandelbrot('the whole set', { width: 61, height: 47, max_iterations: 200 }),
  mandelbrot('one pixel', { width: 1, height: 1, max_iterations: 1 }),
  mandelbrot('points far outside', { center_re: -3, center_im: 3, span: 1, width: 40, height: 30 }),
  mandelbrot(
    'several tiles, the last ones short',
    { center_re: -0.75, center_im: 0.1, span: 0.01, width: 300, height: 140, max_iterations: 700 },
    2,
    4,
  ),
  mandelbrot('the longest loop', {
    center_re: -0.1,
    span: 0.0001,
    width: 5,
    height: 3,
    max_iterations: 32_767,
  }),
  ntt('one coefficient', ['int8', 1], ['uint8', 1], anyByte, 0, 3),
  ntt('the largest unsigned words', ['uint32', 40], ['uint32', 41], () => 0xff, 0, 3),
  ntt('the lowest signed words', ['int32', 64], ['int32', 64], (i) => (i % 4 === 3 ? 0x80 : 0), 0, 3),
  ntt('odd lengths', ['int32', 700], ['int16', 1001], anyByte, 0, 3),
  ntt('several factors', ['int16', 70_000], ['uint8', 90_000], anyByte, 3, 2),
  gemv('1 x 1', 'int8', [1, 1], false, anyByte),
  gemv('odd shapes, int16', 'int16', [77, 131], false, anyByte),
  gemv('all -32768: the largest sums', 'int16', [3, 4001], false, (i) => (i % 2 === 0 ? 0 : 0x80)),
  gemv('transposed, several shards', 'int8', [9, 1100], true, anyByte, 1, 2),
  conv2d('one pixel', {}, [1, 1, 1, 1], [1, 1, 1, 1], anyByte),
  conv2d(
    'padding, stride, dilation',
    { stride: 2, padding: 3, dilation: 2 },
    [2, 5, 13, 11],
    [7, 5, 3, 4],
    anyByte,
  ),
  conv2d('all -128: the largest sums', {}, [1, 130, 6, 6], [2, 130, 5, 5], () => 0x80),
  conv2d('the last shards of several', { padding: 1 }, [2, 32, 40, 40], [8, 32, 7, 7], anyByte, 0, 2),
  filter('one pixel', { filter: 'blur' }, [1, 1], anyByte),
  filter('the widest blur, several tiles', { filter: 'blur', sigma: 32 }, [150, 200], anyByte, 0, 4),
  filter('white stays white', { filter: 'blur', sigma: 7.3 }, [20, 30], () => 0xff),
  filter('sharpen', { filter: 'sharpen', sigma: 1.2, amount: 16 }, [61, 47], anyByte),
  filter('edges', { filter: 'edge' }, [45, 67], anyByte),
  filter('enlarge', { filter: 'resize', width: 301, height: 203 }, [13, 17], anyByte, 0, 3),
  filter('shrink', { filter: 'resize', width: 9, height: 5 }, [300, 211], anyByte),
  filter(
    'shrink one way, enlarge the other',
    { filter: 'resize', width: 500, height: 3 },
    [180, 20],
    anyByte,
  ),
  reduce('one element', 'all', 'int8', [1, 1], anyByte),
  reduce('the largest squares', 'all', 'uint32', [3, 40_000], () => 0xff),
  reduce('the lowest elements', 'rows', 'int32', [5, 700], (i) => (i % 4 === 3 ? 0x80 : 0)),
  reduce('columns', 'columns', 'int16', [301, 77], anyByte),
  reduce('short rows, several shards', 'rows', 'uint8', [9000, 3], anyByte, 0, 2),
  elementwise(
    'add',
    { operation: 'add', shift: 0, result: 'int32' },
    ['int32', 'uint32'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'subtract',
    { operation: 'subtract', shift: 3, result: 'int16' },
    ['uint32', 'int8'],
    [37, 29],
    1,
    anyByte,
  ),
  elementwise(
    'multiply',
    { operation: 'multiply', shift: 31, result: 'uint32' },
    ['int32', 'int16'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'minimum',
    { operation: 'minimum', shift: 0, result: 'int8' },
    ['int16', 'uint8'],
    [37, 29],
    1,
    anyByte,
  ),
  elementwise(
    'maximum',
    { operation: 'maximum', shift: 1, result: 'uint32' },
    ['uint32', 'int32'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'distance',
    { operation: 'distance', shift: 0, result: 'uint32' },
    ['uint32', 'int32'],
    [37, 29],
    1,
    anyByte,
  ),
  elementwise(
    'and',
    { operation: 'and', shift: 0, result: 'int32' },
    ['int32', 'int32'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise('or', { operation: 'or', shift: 5, result: 'int16' }, ['uint8', 'int8'], [37, 29], 1, anyByte),
  elementwise(
    'xor',
    { operation: 'xor', shift: 2, result: 'uint32' },
    ['uint32', 'int16'],
    [37, 29],
    37,
    anyByte,
  ),
  elementwise(
    'the largest product',
    { operation: 'multiply', shift: 31, result: 'uint32' },
    ['uint32', 'uint32'],
    [3, 7],
    3,
    () => 0xff,
  ),
  slicedMatmul('int16, A transposed', { transpose_a: true }, 'int16', [70, 41], [70, 33], anyByte),
  slicedMatmul('float32 through 16 bits', {}, 'float32', [37, 50], [50, 21], anyByte),
  slicedMatmul(
    'float32 through 24 bits',
    { bits: 24, transpose_b: true },
    'float32',
    [20, 65],
    [31, 65],
    anyByte,
  ),
  slicedMatmul('a batch of int16', { batch: 3 }, 'int16', [3 * 90, 40], [3 * 40, 100], anyByte, 1, 2),
]
