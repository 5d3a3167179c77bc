import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  nextBurst,
  nextSlice,
  PACING,
  Pacer,
  type Position,
  positionAfter,
  type SliceBounds,
} from './pacing.ts'

/** A device that takes `msPerInvocation`, and tells of completion `latency` ms later. */
function run(pacer: Pacer, msPerInvocation: number, latency: number, dispatches: number): number {
  let now = 0
  let duration = 0
  for (let i = 0; i < dispatches; i++) {
    const { invocations } = pacer
    duration = Math.ceil(invocations / 64) * 64 * msPerInvocation
    const startedAt = now
    now += duration + latency
    pacer.record(invocations, startedAt, now)
  }
  return duration
}

/** The same where completion is heard in steps, as Firefox does, with `depth` dispatches queued. */
function runInSteps(pacer: Pacer, msPerInvocation: number, step: number, dispatches: number): number {
  const queue: { readonly invocations: number; readonly submittedAt: number; readonly endsAt: number }[] = []
  let now = 0
  let deviceFreeAt = 0
  let previousDoneAt = 0
  let duration = 0
  for (let i = 0; i < dispatches; i++) {
    while (queue.length < pacer.depth) {
      const { invocations } = pacer
      duration = invocations * msPerInvocation
      deviceFreeAt = Math.max(deviceFreeAt, now) + duration
      queue.push({ invocations, submittedAt: now, endsAt: deviceFreeAt })
    }
    const oldest = queue.shift()
    if (oldest === undefined) throw new Error('nothing queued')
    now = Math.max(now, Math.ceil(oldest.endsAt / step) * step)
    pacer.record(oldest.invocations, Math.max(oldest.submittedAt, previousDoneAt), now)
    previousDoneAt = now
  }
  return duration
}

describe('the size of a dispatch', () => {
  it.each([
    ['a large GPU', 1e-7, 0.3],
    ['a small GPU', 1e-4, 1],
    ['a software driver', 0.05, 0.5],
  ])('settles at 16 to 50 ms on %s', (_, msPerInvocation, latency) => {
    const duration = run(new Pacer(latency, 64), msPerInvocation, latency, 60)
    expect(duration).toBeGreaterThan(16)
    expect(duration).toBeLessThan(50)
  })

  it.each([1e-4, 1e-2, 0.2])(
    'settles there, too, where the device was busy when its latency was measured (%d ms an invocation)',
    (ms) => {
      const pacer = new Pacer(60, 64)
      expect(pacer.depth).toBe(PACING.coarse_depth)
      const duration = runInSteps(pacer, ms, 0.1, 80)
      expect(pacer.depth).toBe(1)
      expect(duration).toBeGreaterThan(12)
      expect(duration).toBeLessThan(50)
    },
  )

  it('never grows more than twofold at once', () => {
    const pacer = new Pacer(0.5, 64)
    expect(pacer.invocations).toBe(64)
    pacer.record(64, 0, 0.6)
    expect(pacer.invocations).toBe(128)
  })

  it('stays at one workgroup on a device that takes longer than that', () => {
    const pacer = new Pacer(0.5, 64)
    run(pacer, 5, 0.5, 10)
    expect(pacer.invocations).toBe(64)
  })

  it('is not lowered by the small rest of a lease', () => {
    const pacer = new Pacer(0.5, 10_000)
    pacer.record(100, 0, 32.5)
    expect(pacer.invocations).toBe(10_000)
  })

  it.each([1e-5, 1e-3, 0.05])(
    'stays near the target where completion comes in 100 ms steps (%d ms an invocation)',
    (ms) => {
      const pacer = new Pacer(100, 64)
      expect(pacer.depth).toBe(PACING.coarse_depth)
      const duration = runInSteps(pacer, ms, 100, 400)
      expect(duration).toBeGreaterThan(8)
      expect(duration).toBeLessThan(100)
    },
  )
})

describe('a short gap between completions that come in steps', () => {
  it('is taken back when smaller dispatches take no less time, and not believed again', () => {
    const pacer = new Pacer(100, 64_000)
    let now = 0
    const complete = (ms: number) => {
      pacer.record(pacer.invocations, now, now + ms)
      now += ms
    }
    complete(100)
    complete(30)
    expect(pacer.depth).toBe(1)
    for (let n = 0; n < 4; n++) complete(100)
    expect(pacer.depth).toBe(PACING.coarse_depth)
    expect(pacer.invocations).toBeGreaterThanOrEqual(32_000)
    complete(100)
    complete(30)
    expect(pacer.depth).toBe(PACING.coarse_depth)
  })
})

describe('the cutting of a run', () => {
  const bounds: SliceBounds = {
    invocations: 1000,
    stage_invocations: 1000,
    workgroup_size: 64,
    workgroups_per_dimension: 65_535,
    slots: 8,
  }

  it('batches whole shards when they fit, within the output buffer', () => {
    expect(nextSlice({ shard: 5, invocation: 0, shards: 0 }, 100, 3500, bounds)).toMatchObject({
      first_shard: 5,
      shards: 3,
      opens: true,
      closes: true,
    })
    expect(nextSlice({ shard: 5, invocation: 0, shards: 0 }, 100, 1e6, bounds).shards).toBe(8)
    expect(nextSlice({ shard: 98, invocation: 0, shards: 0 }, 100, 1e6, bounds).shards).toBe(2)
  })

  it('keeps a batch together through the stages of a kernel, and cuts stages that are too long', () => {
    const staged = { ...bounds, invocations: 1200, stage_invocations: 400 }
    const first = nextSlice({ shard: 2, invocation: 0, shards: 0 }, 9, 1300, staged)
    expect(first).toMatchObject({ shards: 3, end_invocation: 400, opens: true, closes: false })
    const second = nextSlice(positionAfter(first), 9, 600, staged)
    expect(second).toMatchObject({ first_shard: 2, shards: 3, first_invocation: 400, end_invocation: 592 })
    const third = nextSlice(positionAfter(second), 9, 9000, staged)
    expect(third).toMatchObject({ shards: 3, first_invocation: 592, end_invocation: 800, opens: false })
    const last = nextSlice(positionAfter(third), 9, 9000, staged)
    expect(last).toMatchObject({ shards: 3, end_invocation: 1200, closes: true })
    expect(positionAfter(last)).toMatchObject({ shard: 5, invocation: 0 })
  })

  it('hands short stages to the device together, as far as they fit', () => {
    const staged = { ...bounds, invocations: 4000, stage_invocations: 100, slots: 1 }
    const start = { shard: 2, invocation: 0, shards: 0 }
    const ends = (capacity: number) =>
      nextBurst(start, 9, capacity, staged).map(({ shards, end_invocation }) => [shards, end_invocation])
    expect(ends(350)).toEqual([
      [1, 100],
      [1, 200],
      [1, 300],
    ])
    expect(ends(64)).toEqual([[1, 64]])
    const whole = nextBurst(start, 9, 1e6, staged)
    expect(whole).toHaveLength(40)
    expect(whole.at(-1)).toMatchObject({ end_invocation: 4000, closes: true })
    // Kernels without stages go as before: one dispatch at a time.
    expect(nextBurst(start, 9, 3500, bounds)).toHaveLength(1)
    expect(nextBurst(start, 9, 500, bounds)).toHaveLength(1)
  })

  it('covers every invocation of every shard exactly once, for any capacity', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 12 }),
        fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 20 }),
        fc.integer({ min: 1, max: 40 }),
        fc.constantFrom(1, 3, 12),
        (invocations, count, capacities, dimension, stages) => {
          const stage_invocations = Math.ceil(invocations / stages)
          const limits = { ...bounds, invocations, stage_invocations, workgroups_per_dimension: dimension }
          const seen = Array.from({ length: count }, () => 0)
          let at: Position = { shard: 0, invocation: 0, shards: 0 }
          for (let i = 0; at.shard < count; i++) {
            const slice = nextSlice(at, count, capacities[i % capacities.length] ?? 1, limits)
            expect(slice.opens).toBe(slice.first_invocation === 0)
            expect(slice.closes).toBe(slice.end_invocation === invocations)
            expect(slice.end_invocation - slice.first_invocation).toBeLessThanOrEqual(64 * dimension)
            expect(slice.shards).toBeLessThanOrEqual(Math.min(dimension, bounds.slots))
            const stage = Math.floor(slice.first_invocation / stage_invocations)
            expect(slice.end_invocation).toBeLessThanOrEqual((stage + 1) * stage_invocations)
            for (let row = 0; row < slice.shards; row++) {
              expect(seen[slice.first_shard + row]).toBe(slice.first_invocation)
              seen[slice.first_shard + row] = slice.end_invocation
            }
            at = positionAfter(slice)
          }
          expect(seen.every((end) => end === invocations)).toBe(true)
        },
      ),
    )
  })
})
