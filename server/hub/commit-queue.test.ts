import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { NO_FINDINGS } from '../../kernel/verification/job-bound.ts'
import type { AcceptedGroup, ResultStore } from '../memory/ports/results.ts'
import { CommitQueue, type PendingCommit } from './commit-queue.ts'

vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}))
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const LEAF_BYTES = 64

function commit(first: number, count: number): PendingCommit {
  return {
    job_id: 'job',
    chunk: 0,
    epoch: 1,
    submitter: 'submitter',
    copies_paid: 1,
    findings: NO_FINDINGS,
    shard_count: count,
    looks: undefined,
    credits: [],
    runs: [
      {
        first,
        count,
        method: 'single',
        digests: new Uint8Array(32 * count),
        leaves: Array.from({ length: count }, () => new Uint8Array(LEAF_BYTES)),
        copies: [{ agent: 'agent', owner: 'owner', executor: 'cpu' }],
      },
    ],
  }
}

/** A queue, and how many shards each of its commits had. */
function queue() {
  const commits: number[] = []
  const store = {
    commit: async (_epoch: number, groups: readonly AcceptedGroup[]) => {
      commits.push(groups.flatMap(({ runs }) => runs).reduce((sum, { count }) => sum + count, 0))
      return []
    },
  } as Partial<ResultStore> as ResultStore
  const fail = (error: unknown) => {
    throw error
  }
  const made = new CommitQueue({
    store,
    epoch: 1,
    committed: async () => {},
    lost: fail,
    fenced: fail,
    failed: fail,
  })
  return { commits, queue: made }
}

describe('a group commit', () => {
  it('waits 250 milliseconds for more while little comes in', async () => {
    const { commits, queue: one } = queue()
    one.add(commit(0, 64))
    await vi.advanceTimersByTimeAsync(50)
    one.add(commit(64, 64))
    await vi.advanceTimersByTimeAsync(199)
    expect(commits).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(commits).toEqual([128])
    expect(one.waiting).toBe(0)
  })

  it('goes when it is large enough, but not before its first 20 milliseconds', async () => {
    const { commits, queue: one } = queue()
    for (let first = 0; first < 4096; first += 64) one.add(commit(first, 64))
    await vi.advanceTimersByTimeAsync(19)
    expect(commits).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    expect(commits).toEqual([4096])
    // What comes later fills the next one.
    for (let first = 4096; first < 8192; first += 64) {
      await vi.advanceTimersByTimeAsync(1)
      one.add(commit(first, 64))
    }
    await vi.advanceTimersByTimeAsync(0)
    expect(commits).toEqual([4096, 4096])
  })

  it('does not wait longer where something waits for it', async () => {
    const { commits, queue: one } = queue()
    one.add(commit(0, 64))
    one.add(commit(64, 64), true)
    await vi.advanceTimersByTimeAsync(20)
    expect(commits).toEqual([128])
    one.add(commit(128, 64))
    await vi.advanceTimersByTimeAsync(30)
    expect(commits).toEqual([128])
    const durable = one.durable()
    await vi.advanceTimersByTimeAsync(0)
    await durable
    expect(commits).toEqual([128, 64])
    one.add(commit(192, 64))
    await vi.advanceTimersByTimeAsync(40)
    expect(commits).toEqual([128, 64])
    const closed = one.close()
    await vi.advanceTimersByTimeAsync(0)
    await closed
    expect(commits).toEqual([128, 64, 64])
  })

  it('has a size that it does not pass: the rest goes at once with the next ones, in order', async () => {
    const { commits, queue: one } = queue()
    for (let first = 0; first < 20_480; first += 64) one.add(commit(first, 64))
    const durable = one.durable()
    await vi.advanceTimersByTimeAsync(20)
    await durable
    expect(commits).toEqual([8192, 8192, 4096])
    expect(one.waiting).toBe(0)
  })
})
