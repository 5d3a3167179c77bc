import { describe, expect, it } from 'vitest'
import { Conversation, kinds, leasesIn, only } from './conversation.test-support.ts'

describe('a job with a target', () => {
  const looks = { shard_count: 64, look_ends: [32, 64], verify: { mode: 'none' } } as const
  const held = (hub: Conversation) => [...hub.state.leases.values()]

  it('is leased up to its next look and a sixteenth beyond, and never across it', () => {
    const hub = new Conversation()
    hub.admit({ ...looks, accepted: [[0, 31]] })
    hub.join('a', 'alice', 'cpu', 8)
    // Alone the agent would be given two shards at a time.
    expect(held(hub).map(({ first, count }) => [first, first + count])).toEqual([
      [31, 32],
      [32, 33],
      [33, 34],
    ])
  })

  it('goes on to the next look when one does not stop it', () => {
    const hub = new Conversation()
    hub.admit({ ...looks, accepted: [[0, 32]] })
    hub.join('a', 'alice', 'cpu', 8)
    expect(Math.max(...held(hub).map(({ first, count }) => first + count))).toBe(34)
    hub.say({ t: 'job.looked', job_id: 'job', passed: 1 })
    while (held(hub).length > 0) {
      const [lease] = held(hub)
      hub.answer(lease?.id ?? '')
    }
    expect(hub.state.jobs.get('job')?.chunks.get(0)?.accepted_count).toBe(64)
  })

  it('ends at a look that stops it: its leases are cancelled and late results are nobody’s', () => {
    const hub = new Conversation()
    hub.admit({ ...looks, accepted: [[0, 32]] })
    const lease = only(leasesIn(hub.join('a', 'alice')))
    const stop = hub.say({ t: 'job.stopped', job_id: 'job', at_shard: 32 })
    expect(stop).toContainEqual({ t: 'job.complete', job_id: 'job' })
    expect(stop).toContainEqual(
      expect.objectContaining({
        session: 'a',
        message: { t: 'cancel', lease_id: lease.lease_id, reason: 'the job has reached its target' },
      }),
    )
    expect(held(hub)).toEqual([])
    expect(leasesIn(hub.join('b', 'bob'))).toEqual([])
    expect(
      hub.say({
        t: 'result.received',
        session: 'a',
        lease_id: lease.lease_id,
        digests: new Uint8Array(32),
        leaves: [],
      }),
    ).toEqual([{ t: 'reply', outcome: 'not_held' }])
    // A commit that was under way changes nothing, and the stop is told once.
    hub.say({ t: 'job.stopped', job_id: 'job', at_shard: 32 })
    expect(kinds(hub.say({ t: 'job.settled', job_id: 'job' }))).toEqual(['job.phase'])
  })

  it('completes at once when a restart finds its stop', () => {
    const hub = new Conversation()
    const effects = hub.admit({ ...looks, accepted: [[0, 33]], stopped_at: 32 })
    expect(effects.at(-1)).toEqual({ t: 'job.complete', job_id: 'job' })
    expect(leasesIn(hub.join('a', 'alice'))).toEqual([])
  })
})
