import { describe, expect, it } from 'vitest'
import { OPS } from '../kernel/ops/registry.ts'
import {
  benchmarkFamilies,
  FAMILIES,
  type FamilySpeed,
  familyJob,
  overallSpeed,
  speedRatio,
} from './benchmark.ts'
import type { Executor } from './executor.ts'
import { ManualClock } from './manual-clock.test-support.ts'

/** An executor that takes so many milliseconds of the clock for a shard of a family, `width` of them side by side. */
function timedExecutor(clock: ManualClock, shard_ms: (op: string) => number, width = 1) {
  const runs: { readonly op: string; readonly count: number }[] = []
  const executor: Executor = {
    kind: 'wasm',
    label: 'timed',
    width,
    prepare: async (job) => ({
      async *run(first, count) {
        runs.push({ op: job.op, count })
        for (let shard = first; shard < first + count; shard++) {
          if ((shard - first) % width === 0) clock.advance(shard_ms(job.op))
          yield { shard, leaf: new Uint8Array(0) }
        }
      },
      close: () => {},
    }),
    close: async () => {},
  }
  return { executor, runs }
}

const unitsOf = (speeds: readonly FamilySpeed[], shard_ms: number) =>
  speeds.map(({ family, work_units_per_s }) => {
    const { plan } = familyJob(OPS, family).job
    return work_units_per_s / ((1000 / shard_ms) * (plan.work_units / plan.shard_count))
  })

describe('timing an executor', () => {
  const never = new AbortController().signal

  it('gives work units a second for each family, not counting the first run', async () => {
    const clock = new ManualClock()
    const { executor, runs } = timedExecutor(clock, () => 10)
    const speeds = await benchmarkFamilies(executor, OPS, clock, never)
    expect(speeds.map(({ family }) => family)).toEqual([...FAMILIES])
    for (const ratio of unitsOf(speeds, 10)) expect(ratio).toBeCloseTo(1, 9)
    expect(runs.filter(({ op }) => op === 'mc@1/gbm.v1').map(({ count }) => count)).toEqual([1, 8, 18])
  })

  it('counts what is done side by side', async () => {
    const clock = new ManualClock()
    const { executor } = timedExecutor(clock, () => 10, 4)
    for (const ratio of unitsOf(await benchmarkFamilies(executor, OPS, clock, never), 10))
      expect(ratio).toBeCloseTo(4, 9)
  })

  it('ends soon on a slow device, and compares only what both did', async () => {
    const clock = new ManualClock()
    const slow = timedExecutor(clock, () => 1600)
    const few = await benchmarkFamilies(slow.executor, OPS, clock, never)
    expect(few.map(({ family }) => family)).toEqual(['mc'])
    expect(slow.runs).toHaveLength(1)
    const fast = timedExecutor(clock, (op) => (op.startsWith('mc') ? 16 : 1))
    const all = await benchmarkFamilies(fast.executor, OPS, clock, never)
    expect(speedRatio(all, few)).toBeCloseTo(100, 6)
    expect(speedRatio(few, all)).toBeCloseTo(0.01, 6)
  })

  it('weighs families alike', () => {
    const of = (mc: number, tensor: number): FamilySpeed[] => [
      { family: 'mc', op: 'a', work_units_per_s: mc },
      { family: 'tensor', op: 'b', work_units_per_s: tensor },
    ]
    expect(speedRatio(of(8, 1), of(1, 1000))).toBeCloseTo(Math.sqrt(8 / 1000), 12)
    expect(overallSpeed(of(4, 9))).toBeCloseTo(6, 12)
  })
})
