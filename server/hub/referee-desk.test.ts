import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { OPS } from '../../kernel/ops/registry.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import { JobRuntime } from './job-runtime.ts'
import { RefereeDesk, type RefereeDeskPorts } from './referee-desk.ts'

vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}))
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

/** A desk, and when its referee is asked for which shard. */
function desk(backlog: () => number) {
  const asked: (readonly [ms: number, shard: number | undefined])[] = []
  const started_ms = performance.now()
  const referee: Pick<RefereeDeskPorts['referee'], 'execute'> = {
    execute: async (_job, shards) => {
      asked.push([Math.round(performance.now() - started_ms), shards[0]])
      return shards.map(() => new Uint8Array(1))
    },
  }
  const told: unknown[] = []
  const ports = { referee, backlog, tell: (event: unknown) => told.push(event) }
  return { asked, told, desk: new RefereeDesk(ports as unknown as RefereeDeskPorts) }
}

function runtime(): JobRuntime {
  const { example } = OPS.get('ensemble@1/sir.v1')
  const op = { name: 'ensemble', version: 1, profile: 'sir.v1' }
  const seed = { mode: 'explicit', value: 'desk' }
  const job = OPS.prepare({ contract: 1, op, args: example, seed, verify: { mode: 'none' } })
  // No operands and inline leaves: it needs no blobs.
  return new JobRuntime({ id: 'job', created_at: new Date(0) }, job, undefined as unknown as BlobStore, 1)
}

const wish = (shard: number) => ({
  t: 'referee.run' as const,
  request: shard,
  job_id: 'job',
  shards: [shard],
})

it('sends requests that follow each other closely 40 milliseconds apart, one that comes alone at once', async () => {
  const { asked, told, desk: one } = desk(() => 0)
  const job = runtime()
  for (const shard of [0, 1, 2]) void one.execute(job, wish(shard))
  await vi.advanceTimersByTimeAsync(200)
  void one.execute(job, wish(3))
  await vi.advanceTimersByTimeAsync(0)
  expect(asked).toEqual([
    [0, 0],
    [40, 1],
    [80, 2],
    [200, 3],
  ])
  expect(told).toMatchObject([0, 1, 2, 3].map((request) => ({ t: 'referee.done', request })))
})

it('does not hold a request back while others wait behind it', async () => {
  let backlog = 5
  const { asked, desk: one } = desk(() => backlog)
  const job = runtime()
  for (const shard of [0, 1, 2]) void one.execute(job, wish(shard))
  await vi.advanceTimersByTimeAsync(0)
  backlog = 0
  void one.execute(job, wish(3))
  await vi.advanceTimersByTimeAsync(40)
  expect(asked).toEqual([
    [0, 0],
    [0, 1],
    [0, 2],
    [40, 3],
  ])
})
