import { describe, expect, it } from 'vitest'
import { OPS } from '../kernel/ops/registry.ts'
import type { FamilySpeed } from './benchmark.ts'
import { systemClock } from './clock.ts'
import type { Executor } from './executor.ts'
import { type ExecutorReport, selectExecutor } from './select.ts'
import { VerifiedExecutor } from './verified-executor.ts'
import { WasmExecutor } from './wasm/executor.ts'

const never = new AbortController().signal

/** The right leaves, and how often each golden shard was asked for; wrong ones from the `spoilAfter`th run on. */
function counting(spoilAfter = Number.POSITIVE_INFINITY) {
  const inner = new WasmExecutor()
  const seen = { runs: 0, generation: 0, spoil: spoilAfter }
  const executor: Executor = {
    kind: 'wasm',
    label: 'counting',
    width: 1,
    get generation() {
      return seen.generation
    },
    prepare: async (job, inputs) => {
      const runner = await inner.prepare(job, inputs)
      return {
        close: () => runner.close(),
        async *run(first, count, signal) {
          const wrong = ++seen.runs >= seen.spoil
          for await (const { shard, leaf } of runner.run(first, count, signal)) {
            if (wrong) leaf[0] = (leaf[0] ?? 0) ^ 1
            yield { shard, leaf }
          }
        },
      }
    },
    close: async () => {},
  }
  return { executor, seen }
}

const speeds = (work_units_per_s: number): FamilySpeed[] => [
  { family: 'mc', op: 'mc@1/pi.v1', work_units_per_s },
]

describe('choosing an executor', () => {
  it('proves and times the one there is, and times it once a visit', async () => {
    const known = new Map<string, readonly FamilySpeed[]>()
    const reports: ExecutorReport[] = []
    const select = () =>
      selectExecutor(
        { choice: 'cpu', threads: () => 1, known },
        { gpu: undefined, noGpuReason: 'none here', makeCpu: async () => new WasmExecutor() },
        OPS,
        systemClock,
        (report) => reports.push(report),
        never,
      )
    const first = await select()
    expect(first.why).toBe('it was asked for')
    expect(first.speed).toBeGreaterThan(0)
    expect(reports[0]).toMatchObject({ kind: 'wasm', ok: true, speed: first.speed })
    expect(reports[0]?.families?.map(({ family }) => family)).toContain('mc')
    // Known speeds are taken; the golden shards are computed anew.
    for (const key of known.keys()) known.set(key, speeds(123))
    const second = await select()
    expect(second.speed).toBeCloseTo(123, 9)
    expect(reports[1]?.golden).toMatchObject([{ op: 'mc@1/pi.v1', ok: true }])
  })

  it('switches a wrong executor off and says why', async () => {
    const reports: ExecutorReport[] = []
    const selecting = selectExecutor(
      { choice: 'auto', threads: () => 1, known: new Map() },
      { gpu: undefined, noGpuReason: 'none here', makeCpu: async () => counting(1).executor },
      OPS,
      systemClock,
      (report) => reports.push(report),
      never,
    )
    await expect(selecting).rejects.toMatchObject({ code: 'EXECUTOR_FAILED' })
    expect(reports).toMatchObject([
      { kind: 'webgpu', ok: false, reason: 'none here' },
      { kind: 'wasm', ok: false, reason: 'the golden shard of mc@1/gbm.v1 came out wrong on counting' },
    ])
  })
})

describe('a verified executor', () => {
  const job = OPS.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: 4096 },
    seed: { mode: 'explicit', value: 'x' },
    verify: { mode: 'none' },
  })
  const all = async (leaves: AsyncIterable<unknown>) => {
    let count = 0
    for await (const _ of leaves) count++
    return count
  }

  it('runs the golden shards of an op before its first shard, and not before each lease', async () => {
    const { executor, seen } = counting()
    const runner = await new VerifiedExecutor(executor, OPS, systemClock).prepare(job, new Map())
    expect(seen.runs).toBe(1)
    expect(await all(runner.run(0, 1, never))).toBe(1)
    expect(await all(runner.run(0, 1, never))).toBe(1)
    expect(seen.runs).toBe(3)
  })

  it('runs them again after a quarter of an hour, and gives out no leaf of an executor that has gone wrong', async () => {
    const { executor, seen } = counting()
    let now = 0
    const clock = { ...systemClock, now: () => now }
    const runner = await new VerifiedExecutor(executor, OPS, clock).prepare(job, new Map())
    seen.spoil = 0
    now = 15 * 60_000 + 1
    await expect(all(runner.run(0, 1, never))).rejects.toMatchObject({
      code: 'EXECUTOR_FAILED',
      message: 'the golden shard of mc@1/pi.v1 came out wrong on counting',
    })
  })

  it('runs them again on a device that was lost and opened anew, before its leaf is given out', async () => {
    const { executor, seen } = counting()
    const runner = await new VerifiedExecutor(executor, OPS, systemClock).prepare(job, new Map())
    const leaves = runner.run(0, job.plan.shard_count, never)[Symbol.asyncIterator]()
    const pending = leaves.next()
    // The run has begun; on the way to its first leaf the device is another one, and computes wrongly.
    await Promise.resolve()
    seen.generation++
    seen.spoil = seen.runs
    await expect(pending).rejects.toMatchObject({ code: 'EXECUTOR_FAILED' })
  })
})
