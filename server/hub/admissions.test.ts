import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ForgeError } from '../../kernel/errors.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { Admissions, mayPass, retryDelay_ms, type StoredJob } from './admissions.ts'
import { startedState } from './core/state.test-support.ts'
import { CoreLoop } from './core-loop.ts'
import { JobTable } from './job-table.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const ROW: StoredJob = {
  id: 'job',
  canonical: OPS.prepare({
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'pi.v1' },
    args: { points: 1000 },
    seed: { mode: 'explicit', value: 'admission' },
    verify: { mode: 'none' },
  }).canonical,
  owner_id: 'submitter',
  priority: 'normal',
  paused_at: null,
  created_at: new Date(0),
  state: 'planned',
}

/** Admissions whose store does not answer; when each attempt was made. */
function unanswered() {
  const attempts_ms: number[] = []
  const refused: string[] = []
  const away = (): never => {
    attempts_ms.push(Date.now())
    throw new Error('connection refused')
  }
  const loop = new CoreLoop({
    state: startedState(),
    now_ms: () => 0,
    perform() {},
    tap: undefined,
  })
  const running = new JobTable()
  const admissions = new Admissions({
    loop,
    running,
    jobs: { get: async () => away() },
    results: { load: away },
    blobs: { put: away, stat: async () => away(), read: away, remove: async () => away() },
    chunks: { publish: async () => away() },
    writer: { storePhase() {} },
    log() {},
    admitted: () => expect.fail('nothing can be admitted'),
    refused: (jobId) => refused.push(jobId),
    ended: () => expect.fail('nobody has ended it'),
  })
  return { admissions, running, attempts_ms, refused }
}

describe('an admission that fails', () => {
  it('is tried again later where the job is not at fault', () => {
    expect(mayPass(new Error('connect ECONNREFUSED'))).toBe(true)
    expect(mayPass(new ForgeError('UNAVAILABLE', 'the database is busy'))).toBe(true)
    expect(mayPass(new ForgeError('NOT_FOUND', 'there is no blob'))).toBe(true)
    expect(mayPass(new ForgeError('CONTRACT_INVALID', 'contract 9'))).toBe(false)
    expect(mayPass(new ForgeError('INTERNAL', 'a stored group of results is damaged'))).toBe(false)
  })

  it('waits longer each time, a minute at most, and never the same for all jobs', () => {
    const longest = [1, 2, 3, 8, 9, 10_000].map((attempt) => retryDelay_ms(attempt, 0))
    expect(longest).toEqual([500, 1000, 2000, 60_000, 60_000, 60_000])
    expect(retryDelay_ms(8, 1)).toBe(30_000)
  })

  it('does not reach who submitted it: the job waits, and says so', async () => {
    const { admissions, running, attempts_ms, refused } = unanswered()
    await admissions.take(ROW)
    expect(admissions.waiting('job')).toEqual({ t: 'unreadable', reason: undefined })
    expect(running.has('job')).toBe(false)
    // Whoever finds it in the store meanwhile does not try it in between.
    await admissions.take(ROW)
    expect(attempts_ms).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(10 * 60_000)
    const pauses_ms = attempts_ms.slice(1).map((at_ms, index) => at_ms - (attempts_ms[index] ?? 0))
    expect(pauses_ms.length).toBeGreaterThan(10)
    for (const [index, pause_ms] of pauses_ms.entries()) {
      expect(pause_ms).toBeGreaterThanOrEqual(retryDelay_ms(index + 1, 1))
      expect(pause_ms).toBeLessThanOrEqual(retryDelay_ms(index + 1, 0))
    }
    expect(refused).toEqual([])
  })

  it('is not tried again once the job is halted, is forgotten, or the hub is closed', async () => {
    for (const stop of ['halt', 'forget', 'close'] as const) {
      const { admissions, attempts_ms } = unanswered()
      await admissions.take(ROW)
      admissions[stop]('job')
      await vi.advanceTimersByTimeAsync(10 * 60_000)
      expect(attempts_ms).toHaveLength(1)
      expect(vi.getTimerCount()).toBe(0)
      // A job whose end is being stored stays known, so that nobody takes it again.
      if (stop !== 'close') expect(admissions.has('job')).toBe(stop === 'halt')
    }
  })
})
