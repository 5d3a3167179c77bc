import type { ContractInput } from '../kernel/contract.ts'
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
  'tensor@1/matmul.v1': () => {
    const a = bytes(21 * 37, 1)
    const b = bytes(37 * 13, 2)
    const operand = (data: Uint8Array, shape: number[]) => ({
      digest: sha256Hex(data),
      dtype: 'int8' as const,
      shape,
    })
    return [
      {
        contract: { args: {}, inputs: { a: operand(a, [21, 37]), b: operand(b, [37, 13]) } },
        inputs: new Map([
          ['a', a],
          ['b', b],
        ]),
      },
    ]
  },
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

/** What executors are timed on: European options of 52 steps, about 0.06 s of one CPU core a shard. */
export function speedJob(registry: OpRegistry): PreparedJob {
  return registry.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: { ...OPTION, steps: 52, paths: 2 ** 30, style: 'european', right: 'call' },
    seed: { mode: 'explicit', value: 'speed' },
    verify: { mode: 'none' },
  } satisfies ContractInput)
}

function bytes(length: number, stream: number): Uint8Array {
  const words = new Uint32Array(4)
  const out = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    if (i % 16 === 0) philox4x32(words, i, 0, 0, stream, 0, 0)
    out[i] = (words[(i >> 2) & 3] as number) >>> (8 * (i & 3))
  }
  return out
}
