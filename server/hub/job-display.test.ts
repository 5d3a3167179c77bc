import { expect, it } from 'vitest'
import type { JobRoom } from '../../kernel/api.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import type { BlobStore } from '../memory/ports/blobs.ts'
import { startedState } from './core/state.test-support.ts'
import { CoreLoop } from './core-loop.ts'
import { JobDisplay } from './job-display.ts'
import { admittedJob, JobRuntime } from './job-runtime.ts'
import { JobTable } from './job-table.ts'

const job = OPS.prepare({
  contract: 1,
  op: { name: 'mc', version: 1, profile: 'pi.v1' },
  args: { points: 1000 },
  seed: { mode: 'explicit', value: 'display' },
  verify: { mode: 'none' },
})

/** A hub with jobs `seen` and `unseen`, of which somebody watches the first. */
function display() {
  const loop = new CoreLoop({
    state: startedState(),
    now_ms: () => 0,
    perform() {},
    tap: undefined,
  })
  const running = new JobTable()
  const shown: [string, JobRoom][] = []
  const moved: string[] = []
  const told: string[] = []
  for (const id of ['seen', 'unseen']) {
    const row = { id, owner_id: 'submitter', priority: 'normal', paused_at: null } as const
    const runtime = new JobRuntime(
      { id, created_at: new Date(0) },
      job,
      undefined as unknown as BlobStore, // Nothing of these jobs is a blob.
      1,
    )
    running.add(runtime)
    const stored = { ...row, created_at: new Date(), state: 'planned' } as const
    loop.apply({ t: 'job.admitted', job: admittedJob(stored, job, runtime.looked(), 0) })
  }
  const made = new JobDisplay({
    loop,
    running,
    tellOthers: (jobId) => told.push(jobId),
    listener: {
      jobChanged: (jobId, room) => shown.push([jobId, room]),
      networkChanged() {},
      watchesJob: (jobId) => jobId === 'seen',
      jobMoved: (jobId) => moved.push(jobId),
    },
  })
  // What they wait for is new with the first tick.
  made.tick()
  for (const heard of [shown, moved, told]) heard.length = 0
  return { made, shown, moved, told }
}

it('makes the room of a job that somebody watches, and tells the other hubs of every job', () => {
  const { made, shown, moved, told } = display()
  for (const id of ['seen', 'unseen']) made.changed(id)
  made.tick()
  expect(shown).toMatchObject([['seen', { shard_count: job.plan.shard_count, progress: { accepted: 0 } }]])
  expect(moved).toEqual(['unseen'])
  expect(told).toEqual(['seen', 'unseen'])
  // Whoever comes later gets what is so then.
  expect(made.room('unseen')).toEqual(made.room('seen'))
})

it('says nothing of what has not changed', () => {
  const { made, shown, moved, told } = display()
  made.changed('seen')
  for (let tick = 0; tick < 9; tick++) made.tick()
  expect([shown.length, moved, told]).toEqual([1, [], ['seen']])
})
