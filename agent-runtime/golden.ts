import type { ContractInput, Dtype } from '../kernel/contract.ts'
import { sha256Hex } from '../kernel/digest.ts'
import { invariant } from '../kernel/errors.ts'
import type { OpRegistry, PreparedJob } from '../kernel/job.ts'
import { philox4x32 } from '../kernel/numerics/philox.ts'
import type { InputBytes } from '../kernel/ops/op.ts'

/** A tiny contract whose shards an executor must get right before it may run the op for others. */
export interface GoldenJob {
  readonly job: PreparedJob
  readonly inputs: InputBytes
}

type GoldenContract = Omit<ContractInput, 'contract' | 'seed' | 'verify' | 'op'>
interface GoldenCase {
  readonly contract: GoldenContract
  readonly inputs?: InputBytes
}

const OPTION = { spot: 100, strike: 105, rate: 0.03, volatility: 0.25, maturity_years: 0.5, steps: 13 }

const CASES: Readonly<Record<string, () => readonly GoldenCase[]>> = {
  'mc@1/pi.v1': () => [{ contract: { args: { points: 4097 } } }],
  'mc@1/gbm.v1': () => [
    { contract: { args: { ...OPTION, paths: 300, style: 'european', right: 'call' } } },
    { contract: { args: { ...OPTION, paths: 300, style: 'asian', right: 'put' } } },
  ],
  'mc@1/heston.v1': () => [
    {
      contract: {
        args: {
          spot: 100,
          strike: 105,
          rate: 0.03,
          initial_variance: 0.05,
          long_run_variance: 0.04,
          mean_reversion: 2,
          variance_volatility: 0.5,
          correlation: -0.6,
          maturity_years: 0.5,
          steps: 13,
          paths: 300,
          right: 'call',
        },
      },
    },
  ],
  'mc@1/portfolio.v1': () => [
    {
      contract: {
        args: {
          positions: [
            { name: 'a', exposure: 500, volatility: 0.2 },
            { name: 'b', exposure: -300, volatility: 0.4 },
          ],
          correlations: [
            [1, 0.5],
            [0.5, 1],
          ],
          returns: 'log',
          tails: 'student',
          paths: 1000,
        },
      },
    },
  ],
  'mc@1/insurance.v1': () => [
    {
      contract: {
        args: {
          claim_frequency: 6,
          claim_mean: 100,
          claim_deviation: 150,
          claim_limit: 500,
          catastrophe_frequency: 0.4,
          catastrophe_threshold: 1000,
          catastrophe_limit: 20_000,
          years: 1000,
        },
      },
    },
  ],
  'mc@1/eta.v1': () => [
    {
      contract: {
        args: {
          segments: [
            { name: 'a', minutes: 18, variation: 0.4 },
            { name: 'b', minutes: 42 },
          ],
          deadline_minutes: 70,
          incidents_per_hour: 0.5,
          trips: 1000,
        },
      },
    },
  ],
  'ensemble@1/sir.v1': () => [
    {
      contract: {
        args: {
          population: 1000,
          transmission_rate: 0.5,
          recovery_rate: 0.25,
          days: 30,
          steps_per_day: 2,
          runs: 100,
        },
      },
    },
  ],
  'ensemble@1/ising.v1': () => [
    {
      contract: {
        args: {
          size: 16,
          temperature: 2.3,
          start: 'random',
          burn_in: 4,
          measured: 6,
          interval: 2,
          replicas: 8,
        },
      },
    },
  ],
  'ensemble@1/lorenz.v1': () => [{ contract: { args: { steps: 200, runs: 100 } } }],
  'ensemble@1/bootstrap.v1': () => {
    const data = bytes(8 * 41, 3)
    const inputs = { data: { digest: sha256Hex(data), dtype: 'int32' as const, shape: [41, 2] } }
    return ['mean', 'quantile', 'correlation'].map((statistic) => ({
      contract: { args: { statistic, resamples: 100 }, inputs },
      inputs: new Map([['data', data]]),
    }))
  },
  'tensor@1/matmul.v1': () => [
    withOperands({}, { a: [bytes(21 * 37, 1), 'int8', [21, 37]], b: [bytes(37 * 13, 2), 'int8', [37, 13]] }),
    withOperands(
      { transpose_b: true },
      { a: [bytes(2 * 9 * 14, 13), 'int16', [9, 14]], b: [bytes(2 * 11 * 14, 14), 'int16', [11, 14]] },
    ),
  ],
  'media@1/mandelbrot.v1': () => [
    {
      contract: {
        args: { center_re: -0.75, center_im: 0.1, span: 0.5, width: 19, height: 11, max_iterations: 60 },
      },
    },
  ],
  'tensor@1/ntt.v1': () => [
    withOperands({}, { a: [bytes(4 * 70, 3), 'int32', [70]], b: [bytes(4 * 50, 4), 'uint32', [50]] }),
  ],
  'tensor@1/gemv.v1': () => [
    withOperands({}, { a: [bytes(2 * 21 * 37, 5), 'int16', [21, 37]], x: [bytes(37, 6), 'int8', [37]] }),
  ],
  'tensor@1/conv2d.v1': () => [
    withOperands(
      { padding: 1, stride: 2 },
      { x: [bytes(2 * 5 * 9 * 8, 7), 'int8', [2, 5, 9, 8]], w: [bytes(6 * 5 * 9, 8), 'int8', [6, 5, 3, 3]] },
    ),
  ],
  'media@1/filter.v1': () => [
    withOperands({ filter: 'sharpen', sigma: 1.5 }, { image: [bytes(4 * 23 * 17, 9), 'uint8', [23, 17, 4]] }),
  ],
  'tensor@1/reduce.v1': () => [
    withOperands({ axis: 'columns' }, { x: [bytes(4 * 70 * 31, 10), 'int32', [70, 31]] }),
  ],
  'tensor@1/elementwise.v1': () => [
    withOperands(
      { operation: 'multiply', shift: 7, result: 'int16' },
      { a: [bytes(2 * 13 * 19, 11), 'int16', [13, 19]], b: [bytes(19, 12), 'uint8', [1, 19]] },
    ),
  ],
}

function withOperands(
  args: GoldenContract['args'],
  operands: Readonly<Record<string, readonly [bytes: Uint8Array, dtype: Dtype, shape: number[]]>>,
): GoldenCase {
  const entries = Object.entries(operands)
  return {
    contract: {
      args,
      inputs: Object.fromEntries(
        entries.map(([name, [data, dtype, shape]]) => [name, { digest: sha256Hex(data), dtype, shape }]),
      ),
    },
    inputs: new Map(entries.map(([name, [data]]) => [name, data])),
  }
}

/** @returns the golden jobs of an op; every op of the registry has some */
export function goldenJobs(registry: OpRegistry, op: string): readonly GoldenJob[] {
  const cases = CASES[op]?.() ?? []
  invariant(cases.length > 0, `${op} has a golden contract`)
  return cases.map(({ contract, inputs }) => ({
    job: registry.prepare({
      contract: 1,
      op: { ...registry.get(op).ref },
      seed: { mode: 'explicit', value: 'golden' },
      verify: { mode: 'none' },
      ...contract,
    } satisfies ContractInput),
    inputs: inputs ?? new Map(),
  }))
}

/** Pseudo-random bytes, the same for ever. */
export function bytes(length: number, stream: number): Uint8Array {
  const words = new Uint32Array(4)
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    if (i % 16 === 0) philox4x32(words, i, 0, 0, stream, 0, 0)
    out[i] = (words[(i >> 2) & 3] as number) >>> (8 * (i & 3))
  }
  return out
}
