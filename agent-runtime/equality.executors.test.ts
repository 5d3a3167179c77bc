import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { sha256Hex } from '../kernel/digest.ts'
import { referenceLeaf } from '../kernel/ops/references.test-support.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { familyJob, measureSpeed } from './benchmark.ts'
import { systemClock } from './clock.ts'
import { EQUALITY_CASES } from './equality-cases.test-support.ts'
import { goldenJobs } from './golden.ts'
import { spawnNodeThread } from './headless/spawn-node.ts'
import { bundleForHost } from './testing/bundle.ts'
import type { Host, Json } from './testing/host.ts'
import { availableHosts } from './testing/webgpu-hosts.ts'
import { ThreadedWasmExecutor } from './wasm/threaded-executor.ts'

/**
 * One suite over every executor of this machine: the same bytes from each, for every op, several contracts and shards.
 * The expected digests are those of the reference, which the unit tests check against independent BigInt oracles.
 */

const { hosts, missing } = await availableHosts()
const ops = OPS.list().map(({ id }) => id)
const unitsPerShard = (() => {
  const { plan } = familyJob(OPS, 'mc').job
  return plan.work_units / plan.shard_count
})()
const never = new AbortController().signal

/** Digest prefixes by op, and shards a second of the timing job, by executor. */
const table: { executor: string; prefixes: Record<string, string>; shards_per_s: number | undefined }[] = []
const results = new Map<string, Map<string, string[]>>()

const expectedDigests = new Map<number, string[]>()
function expected(index: number): string[] {
  const known = expectedDigests.get(index)
  if (known !== undefined) return known
  const found = EQUALITY_CASES[index]
  if (found === undefined) throw new Error(`no case ${index}`)
  const { job, inputs } = found.prepare()
  const digests = Array.from({ length: found.count }, (_, i) =>
    sha256Hex(referenceLeaf(job, found.first + i, inputs)),
  )
  expectedDigests.set(index, digests)
  return digests
}

function record(executor: string, op: string, digests: readonly string[]): void {
  const byOp = results.get(executor) ?? new Map<string, string[]>()
  byOp.set(op, [...(byOp.get(op) ?? []), ...digests])
  results.set(executor, byOp)
}

function addRow(executor: string, speed: number | undefined): void {
  const byOp = results.get(executor)
  const prefixes = Object.fromEntries(
    ops.map((op) => [op, sha256Hex((byOp?.get(op) ?? []).join()).slice(0, 12)]),
  )
  table.push({ executor, prefixes, shards_per_s: speed === undefined ? undefined : speed / unitsPerShard })
}

const cases = EQUALITY_CASES.map((entry, index) => ({
  ...entry,
  index,
  title: `${entry.op}: ${entry.name}`,
  /** Kernels that devices may run for the normative one, whatever language they speak. */
  variants: (entry.prepare().job.gpu().variants ?? []).flatMap(({ kernel, needs }) =>
    needs === undefined ? [kernel] : [],
  ),
}))
/** A case of two shards that never fit one dispatch. */
const several = cases.findIndex(({ op, count }) => op === 'mc@1/pi.v1' && count === 2)

test('every op has cases and golden shards', () => {
  for (const op of ops) {
    expect(cases.filter((entry) => entry.op === op).length).toBeGreaterThan(2)
    expect(goldenJobs(OPS, op).length).toBeGreaterThan(0)
  }
})

describe('reference', () => {
  test.each(cases)('$title', ({ op, index }) => record('reference', op, expected(index)))
  afterAll(() => addRow('reference', undefined))
})

describe.each(['scalar', 'simd'] as const)('wasm %s', (form) => {
  const name = `wasm ${form}`
  const executor = new ThreadedWasmExecutor(spawnNodeThread, () => 2, form)
  let speed: number | undefined
  afterAll(async () => {
    addRow(name, speed)
    await executor.close()
  })

  test.each(cases)('$title', async ({ op, index, first, count, prepare }) => {
    const { job, inputs } = prepare()
    const runner = await executor.prepare(job, inputs)
    const digests: string[] = []
    for await (const { leaf } of runner.run(first, count, never)) digests.push(sha256Hex(leaf))
    runner.close()
    record(name, op, digests)
    expect(digests).toEqual(expected(index))
  })

  test('speed', async () => {
    speed = await measureSpeed(executor, familyJob(OPS, 'mc'), systemClock, never)
    expect(speed).toBeGreaterThan(0)
  })
})

describe.each(hosts)('$name', ({ name, open }) => {
  let host: Host
  let guest: string
  let speed: number | undefined
  const call = async <T>(fn: string, arg: Json = null) => (await host.evaluate(guest, fn, arg)) as T

  beforeAll(async () => {
    guest = await bundleForHost(fileURLToPath(new URL('./equality-guest.test-support.ts', import.meta.url)))
    host = await open()
  })
  afterAll(async () => {
    addRow(name, speed)
    await host?.close()
  })

  test('passes the conformance probe', async () => {
    const device = await call<{ checks: { name: string; ok: boolean }[]; max_iterations: number }>(
      'describeDevice',
    )
    expect(device.checks.filter(({ ok }) => !ok)).toEqual([])
    expect(device.checks.length).toBeGreaterThan(9)
    expect(device.max_iterations).toBeGreaterThanOrEqual(32_768)
    console.log(`${name}: loops of ${device.max_iterations} iterations are right`)
  })

  test('compiles every kernel', async () => {
    const kernels = await call<{ kernel: string; errors: string[] }[]>('compileAll')
    expect(kernels.filter(({ errors }) => errors.length > 0)).toEqual([])
    expect(kernels.length).toBeGreaterThan(5)
  })

  test.each(cases)('$title', async ({ op, index }) => {
    const rounds = await call<string[][]>('runCase', { index })
    record(name, op, rounds[0] ?? [])
    expect(rounds).toEqual([expected(index), expected(index)])
  })

  test.each(cases.filter(({ variants }) => variants.length > 0))(
    'variants of $title',
    async ({ index, variants }) => {
      const digests = await call<Record<string, string[]>>('runVariants', { index })
      expect(Object.keys(digests)).toEqual(expect.arrayContaining(variants))
      for (const found of Object.values(digests)) expect(found).toEqual(expected(index))
    },
  )

  test('refuses a job that leaves the range its kernel was proven for', async () => {
    const outcome = await call<{ code: string; message: string }>('admission')
    expect(outcome).toEqual({
      code: 'EXECUTOR_FAILED',
      message: 'word 10 of the uniform of mc/gbm.v1 leaves its proven range',
    })
  })

  test('gets the golden shards right', async () => {
    const checks = await call<{ op: string; ok: boolean }[]>('golden')
    expect(new Set(checks.filter(({ ok }) => ok).map(({ op }) => op))).toEqual(new Set(ops))
  })

  test('stops after the leaf at which it is told to, and can go on', async () => {
    const outcome = await call<{ leaves: number; code: string; digests: string[] }>('abort', {
      index: several,
    })
    expect(outcome).toEqual({ leaves: 1, code: 'CANCELLED', digests: expected(several) })
  })

  test('opens a lost device again and loses no shard', async () => {
    const outcome = await call('lose', { index: several, losses: 1 })
    expect(outcome).toEqual({ devices: 2, digests: expected(several), failure: null })
  })

  test('gives up on a device that is lost twice on one shard', async () => {
    const outcome = await call<{ failure: { code: string; message: string } | null }>('lose', {
      index: several,
      losses: 9,
    })
    expect(outcome.failure).toMatchObject({ code: 'EXECUTOR_FAILED' })
  })

  test.each([
    ['in any kernel', '', '0xd2511f53u', '0xd2511f55u', 'this device computes wrongly: Philox4x32-10'],
    ['in one op', '// mc@1/gbm.v1', '480u', '464u', 'the golden shard of mc@1/gbm.v1 came out wrong on'],
  ])('is switched off with the reason where it computes wrongly %s', async (_, only, from, to, reason) => {
    expect(await call('chooseBeside', { only, from, to })).toEqual({
      kind: 'wasm',
      why: 'no other executor can be used here',
      ok: false,
      reason: expect.stringContaining(reason),
    })
  })

  test('shows that plain f32 is no way to compute', async () => {
    const { here, cpu } = await call<{ here: string; cpu: string }>('float')
    expect(here).not.toBe(cpu)
  })

  test('speed', async () => {
    speed = await call<number>('speed')
    expect(speed).toBeGreaterThan(0)
  })
})

afterAll(() => {
  const width = Math.max(
    ...table.map(({ executor }) => executor.length),
    ...missing.map(({ name }) => name.length),
  )
  const lines = table.map(({ executor, prefixes, shards_per_s }) => {
    const rate = shards_per_s === undefined ? '' : `${shards_per_s.toFixed(1)} shards/s`
    return [executor.padEnd(width), ...ops.map((op) => prefixes[op]?.padEnd(18)), rate].join('  ')
  })
  const absent = missing.map(({ name, reason }) => `${name.padEnd(width)}  MISSING: ${reason}`)
  const head = ['executor'.padEnd(width), ...ops.map((op) => op.padEnd(18)), 'mc@1/gbm.v1, 52 steps'].join(
    '  ',
  )
  console.log(
    ['', 'Executor equality: digest of all shards of an op', head, ...lines, ...absent, ''].join('\n'),
  )
})
