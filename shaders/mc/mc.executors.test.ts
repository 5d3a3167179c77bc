import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleForHost } from '../../agent-runtime/testing/bundle.ts'
import type { Host, Json } from '../../agent-runtime/testing/host.ts'
import { availableHosts } from '../../agent-runtime/testing/webgpu-hosts.ts'
import { type ContractInput, parseContract } from '../../kernel/contract.ts'
import { sha256Hex } from '../../kernel/digest.ts'
import type { PreparedJob } from '../../kernel/job.ts'
import { gbm } from '../../kernel/ops/mc-gbm/index.ts'
import { pi } from '../../kernel/ops/mc-pi/index.ts'
import { referenceLeaf } from '../../kernel/ops/references.test-support.ts'
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
  op: McRun['op']
  args: ContractInput['args']
  first?: number
  count?: number
}[] = [
  { name: 'one point', op: 'pi', args: { points: 1 } },
  { name: 'an odd number of points', op: 'pi', args: { points: 98_765 } },
  { name: 'two shards, the second partial', op: 'pi', args: { points: 2 ** 22 + 4095 }, count: 2 },
  { name: 'the last of 2^24 shards', op: 'pi', args: { points: 2 ** 46 - 2 ** 22 + 77 }, first: 2 ** 24 - 1 },
  ...(['european', 'asian'] as const).flatMap((style) =>
    (['call', 'put'] as const).map((right) => ({
      name: `${style} ${right}, 13 steps`,
      op: 'gbm' as const,
      args: { ...OPTION, steps: 13, paths: 9001, style, right },
    })),
  ),
  {
    name: 'one step, partial second shard',
    op: 'gbm',
    args: { ...OPTION, steps: 1, paths: 2 ** 20 + 999, style: 'european', right: 'put' },
    first: 1,
  },
  {
    name: 'two steps, wide and falling prices',
    op: 'gbm',
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
    op: 'gbm',
    args: { ...OPTION, volatility: 1.1, steps: 3001, paths: 2 * 1024 + 70, style: 'asian', right: 'call' },
    first: 1,
    count: 2,
  },
  {
    name: 'the last of 2^24 shards',
    op: 'gbm',
    args: { ...OPTION, steps: 4095, paths: 2 ** 34 - 900, style: 'european', right: 'call' },
    first: 2 ** 24 - 1,
  },
]

const GEOMETRIES = [
  { shape: 'whole', cuts: [], wg: 64 },
  { shape: 'cut in three', cuts: [0.31, 0.33], wg: 32 },
]

const runs = CASES.map(({ name, op, args, first = 0, count = 1 }) => {
  const ref = op === 'pi' ? pi.ref : gbm.ref
  const contract: ContractInput = {
    contract: 1,
    op: ref,
    args,
    seed: { mode: 'explicit', value: 'executors' },
    verify: { mode: 'none' },
  }
  return { name: `${ref.profile}: ${name}`, op, contract, first, count }
})

const { hosts, missing } = await availableHosts()
for (const { name, reason } of missing) console.log(`missing: ${name}: ${reason}`)

let moduleSource: string
let expected: { plan: string; leaves: string[] }[]

beforeAll(async () => {
  moduleSource = await bundleForHost(fileURLToPath(new URL('./run-mc.test-support.ts', import.meta.url)))
  expected = runs.map(({ op, contract, first, count }) => {
    const job: PreparedJob = (op === 'pi' ? pi : gbm).prepare(parseContract(contract))
    const leaves = Array.from({ length: count }, (_, i) =>
      sha256Hex(referenceLeaf(job, first + i, new Map())),
    )
    return { plan: job.planDigest, leaves }
  })
})

test('at least one WebGPU implementation is here', () => {
  expect(hosts.map(({ name }) => name)).not.toEqual([])
})

describe.each(hosts)('Monte Carlo kernels on $name', ({ open }) => {
  let host: Host
  beforeAll(async () => {
    host = await open()
  })
  afterAll(() => host.close())

  test.each(runs.map((run, index) => ({ ...run, index })))(
    '$name',
    async ({ index, op, contract, first, count }) => {
      for (const { shape, cuts, wg } of GEOMETRIES) {
        const run: McRun = { op, contract, first, count, cuts, wg }
        const answer = await host.evaluate(moduleSource, 'runMc', run as unknown as Json)
        expect(answer, shape).toEqual(expected[index])
      }
    },
  )
})
