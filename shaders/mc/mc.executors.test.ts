import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleForHost } from '../../agent-runtime/testing/bundle.ts'
import type { Host, Json } from '../../agent-runtime/testing/host.ts'
import { availableHosts } from '../../agent-runtime/testing/webgpu-hosts.ts'
import type { ContractInput } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { McRun } from './run-mc.test-support.ts'

const OPTION = {
  spot: 100,
  strike: 105,
  rate: 0.05,
  dividend_yield: 0.01,
  volatility: 0.2,
  maturity_years: 1,
}

/** Small, so that a software driver takes seconds: partial shards, far shards, odd step counts, every option. */
const CASES: readonly {
  name: string
  op: string
  args: ContractInput['args']
  first?: number
  count?: number
}[] = [
  { name: 'one point', op: 'mc@1/pi.v1', args: { points: 1 } },
  { name: 'an odd number of points', op: 'mc@1/pi.v1', args: { points: 98_765 } },
  { name: 'two shards, the second partial', op: 'mc@1/pi.v1', args: { points: 2 ** 22 + 4095 }, count: 2 },
  {
    name: 'the last of 2^24 shards',
    op: 'mc@1/pi.v1',
    args: { points: 2 ** 46 - 2 ** 22 + 77 },
    first: 2 ** 24 - 1,
  },
  ...(['european', 'asian'] as const).flatMap((style) =>
    (['call', 'put'] as const).map((right) => ({
      name: `${style} ${right}, 13 steps`,
      op: 'mc@1/gbm.v1',
      args: { ...OPTION, steps: 13, paths: 9001, style, right },
    })),
  ),
  {
    name: 'one step, partial second shard',
    op: 'mc@1/gbm.v1',
    args: { ...OPTION, steps: 1, paths: 2 ** 20 + 999, style: 'european', right: 'put' },
    first: 1,
  },
  {
    name: 'two steps, wide and falling prices',
    op: 'mc@1/gbm.v1',
    args: {
      ...OPTION,
      rate: -0.5,
      volatility: 1.3,
      strike: 30,
      steps: 2,
      paths: 5000,
      style: 'asian',
      right: 'put',
    },
  },
  {
    name: 'three shards of 3001 steps, the last partial',
    op: 'mc@1/gbm.v1',
    args: { ...OPTION, volatility: 1.1, steps: 3001, paths: 2 * 1024 + 70, style: 'asian', right: 'call' },
    first: 1,
    count: 2,
  },
  {
    name: 'the last of 2^24 shards',
    op: 'mc@1/gbm.v1',
    args: { ...OPTION, steps: 4095, paths: 2 ** 34 - 900, style: 'european', right: 'call' },
    first: 2 ** 24 - 1,
  },
  {
    name: 'odd steps, partial second shard',
    op: 'mc@1/heston.v1',
    args: {
      spot: 100,
      strike: 105,
      rate: 0.05,
      initial_variance: 0.06,
      long_run_variance: 0.04,
      mean_reversion: 2,
      variance_volatility: 0.5,
      correlation: -0.6,
      maturity_years: 1,
      steps: 513,
      paths: 700,
      right: 'put',
    },
    count: 2,
  },
  {
    name: 'student tails, log returns',
    op: 'mc@1/portfolio.v1',
    args: {
      positions: Array.from({ length: 7 }, (_, i) => ({
        name: `p${i}`,
        exposure: 100 - 30 * i,
        volatility: i / 10,
      })),
      returns: 'log',
      tails: 'student',
      paths: 2001,
    },
  },
  {
    name: 'claims, catastrophes and aggregate terms',
    op: 'mc@1/insurance.v1',
    args: {
      claim_frequency: 9,
      claim_mean: 100,
      claim_deviation: 300,
      claim_deductible: 10,
      catastrophe_frequency: 1.5,
      catastrophe_threshold: 500,
      aggregate_deductible: 50,
      aggregate_limit: 100_000,
      years: 2001,
    },
  },
  {
    name: 'five segments',
    op: 'mc@1/eta.v1',
    args: {
      segments: Array.from({ length: 5 }, (_, i) => ({ name: `s${i}`, minutes: 5 + i, variation: i / 4 })),
      deadline_minutes: 40,
      incidents_per_hour: 3,
      trips: 2001,
    },
  },
  {
    name: 'two shards, the second partial',
    op: 'ensemble@1/sir.v1',
    args: {
      population: 5000,
      initially_infectious: 20,
      transmission_rate: 0.6,
      recovery_rate: 0.3,
      days: 100,
      steps_per_day: 10,
      runs: 300,
    },
    count: 2,
  },
  {
    name: 'two shards, the second partial',
    op: 'ensemble@1/ising.v1',
    args: {
      size: 16,
      temperature: 2.2,
      start: 'random',
      burn_in: 100,
      measured: 300,
      interval: 30,
      replicas: 50,
    },
    count: 2,
  },
  {
    name: 'two shards, the second partial',
    op: 'ensemble@1/lorenz.v1',
    args: { steps: 900, coordinate: 'y', initial_error: 0.1, runs: 200 },
    count: 2,
  },
]

const GEOMETRIES = [
  { shape: 'whole', cuts: [], wg: 64 },
  { shape: 'cut in three', cuts: [0.31, 0.33], wg: 32 },
]

const runs = CASES.map(({ name, op, args, first = 0, count = 1 }) => {
  const { ref } = OPS.get(op)
  const contract: ContractInput = {
    contract: 1,
    op: { ...ref },
    args,
    seed: { mode: 'explicit', value: 'executors' },
    verify: { mode: 'none' },
  }
  return { name: `${ref.profile}: ${name}`, contract, first, count }
})

const { hosts, missing } = await availableHosts()
for (const { name, reason } of missing) console.log(`missing: ${name}: ${reason}`)

let moduleSource: string
let expected: { plan: string; leaves: string[] }[]

beforeAll(async () => {
  moduleSource = await bundleForHost(fileURLToPath(new URL('./run-mc.test-support.ts', import.meta.url)))
  expected = runs.map(({ contract, first, count }) => {
    const job = OPS.prepare(contract)
    const leaves = Array.from({ length: count }, (_, i) =>
      sha256Hex(referenceLeaf(job, first + i, new Map())),
    )
    return { plan: job.planDigest, leaves }
  })
})

test('at least one WebGPU implementation is here', () => {
  expect(hosts.map(({ name }) => name)).not.toEqual([])
})

describe.each(hosts)('Monte Carlo and ensemble kernels on $name', ({ open }) => {
  let host: Host
  beforeAll(async () => {
    host = await open()
  })
  afterAll(() => host.close())

  test.each(runs.map((run, index) => ({ ...run, index })))(
    '$name',
    async ({ index, contract, first, count }) => {
      for (const { shape, cuts, wg } of GEOMETRIES) {
        const run: McRun = { contract, first, count, cuts, wg }
        const answer = await host.evaluate(moduleSource, 'runMc', run as unknown as Json)
        expect(answer, shape).toEqual(expected[index])
      }
    },
  )
})
