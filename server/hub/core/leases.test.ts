import { describe, expect, it } from 'vitest'
import { acceptedIn, Conversation, leasesIn, only } from './conversation.test-support.ts'
import { HUB } from './limits.ts'
import { truth } from './truth.test-support.ts'

describe('leases', () => {
  it('go back to the pool when their deadline passes, and the agent is told', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    const lease = only(leasesIn(hub.join('a', 'alice')))
    const effects = hub.later(HUB.deadline_min_ms)
    expect(effects).toContainEqual(
      expect.objectContaining({
        t: 'send',
        message: expect.objectContaining({ t: 'cancel', lease_id: lease.lease_id }),
      }),
    )
    const late = hub.say({
      t: 'result.received',
      session: 'a',
      lease_id: lease.lease_id,
      digests: truth('job', 0),
      leaves: [truth('job', 0)],
    })
    expect(late).toContainEqual({ t: 'reply', outcome: 'not_held' })
    expect(acceptedIn(late)).toEqual([])
  })

  it('of fresh shards wait while more is accepted than storage has taken, and go on when it has', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 100, verify: { mode: 'none' }, leaf_max_bytes: HUB.unstored_bytes / 3 })
    let lease = only(leasesIn(hub.join('a', 'alice')))
    const unstored: number[] = []
    for (;;) {
      unstored.push(lease.count)
      const granted = leasesIn(hub.answer(lease.lease_id))
      if (granted.length === 0) break
      lease = only(granted)
    }
    expect(unstored.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(4)
    expect(leasesIn(hub.later(HUB.claim_ahead_s * 1000))).toEqual([])
    const [shard_count = 0] = unstored
    const stored = { t: 'committed', job_id: 'job', chunk: 0, epoch: 1, shard_count, credits: [] } as const
    expect(leasesIn(hub.say(stored))).toHaveLength(1)
  })

  it('survive a short loss of the connection, and only unseen ones are offered again', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 100 })
    const [seen, unseen] = leasesIn(hub.join('a', 'alice', 'cpu', 2))
    hub.say({ t: 'session.silent', session: 'a' })
    hub.later(HUB.resume_grace_ms - 1)
    const again = leasesIn(
      hub.say({ t: 'session.listening', session: 'a', after_lease: Number(seen?.lease_id.split('-')[1]) }),
    )
    expect(again.map((lease) => lease.lease_id)).toEqual([unseen?.lease_id])
  })

  it('of a lost agent are given to others after the grace', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    hub.join('a', 'alice')
    hub.say({ t: 'session.silent', session: 'a' })
    hub.join('b', 'bob')
    hub.join('c', 'carol')
    expect(leasesIn(hub.later(HUB.resume_grace_ms)).map((lease) => lease.session)).toEqual(['c'])
  })

  it('of another session cannot be answered or released', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1, verify: { mode: 'none' } })
    const lease = only(leasesIn(hub.join('a', 'alice')))
    hub.join('b', 'bob')
    const forged = hub.say({
      t: 'result.received',
      session: 'b',
      lease_id: lease.lease_id,
      digests: truth('job', 0),
      leaves: [truth('job', 0)],
    })
    expect(forged).toContainEqual({ t: 'reply', outcome: 'not_held' })
    hub.say({ t: 'lease.released', session: 'b', lease_ids: [lease.lease_id] })
    expect(hub.state.leases.has(lease.lease_id)).toBe(true)
  })

  it('go only to executors that the policy asks for', () => {
    const hub = new Conversation()
    hub.admit({ target: 'gpu' })
    expect(leasesIn(hub.join('c', 'carol', 'cpu'))).toEqual([])
    expect(leasesIn(hub.join('g', 'george', 'webgpu'))).toHaveLength(1)
  })
})

describe('the size of a lease', () => {
  const alone = { shard_count: 10_000, shard_units: 1000, verify: { mode: 'none' } } as const

  it('is about 1.5 s of the work that its agent was measured at, with six times that to answer', () => {
    const hub = new Conversation()
    hub.admit(alone)
    const first = only(leasesIn(hub.join('fast', 'alice')))
    expect(first.count).toBe(HUB.first_lease_shards)
    hub.later(20)
    // Two shards in 20 ms.
    expect(only(leasesIn(hub.answer(first.lease_id)))).toMatchObject({ count: 150, deadline_ms: 30_000 })

    const slow = only(leasesIn(hub.join('slow', 'bob')))
    hub.later(20_000)
    expect(only(leasesIn(hub.answer(slow.lease_id)))).toMatchObject({ count: 1, deadline_ms: 60_000 })
  })

  it('shrinks for an agent that loses leases, and grows again as it answers', () => {
    const hub = new Conversation()
    hub.admit(alone)
    const first = only(leasesIn(hub.join('a', 'alice')))
    hub.later(20)
    hub.answer(first.lease_id)
    // 150 shards, at half the speed and half the share.
    const smaller = only(leasesIn(hub.later(HUB.deadline_min_ms)))
    expect(smaller.count).toBe(37)
    hub.later(37 * 10)
    expect(only(leasesIn(hub.answer(smaller.lease_id))).count).toBeGreaterThan(37)
  })

  it('is not made larger by a claim of speed, nor beyond all machines by an instant answer', () => {
    const hub = new Conversation()
    hub.admit({ ...alone, shard_units: 1e9 })
    const speed = (claimed_speed: number) => {
      const session = {
        id: `${claimed_speed}`,
        agent: `${claimed_speed}`,
        owner: 'eve',
        executor: 'cpu',
      } as const
      hub.say({ t: 'session.joined', session: { ...session, window: 1 }, claimed_speed })
      return hub.state.sessions.get(session.id)?.speed
    }
    expect(speed(2e11)).toBeUndefined()
    expect(speed(1e11)).toBe(1e8)
    const lease = only(leasesIn(hub.listen('200000000000')))
    expect(lease.count).toBe(HUB.first_lease_shards)
    hub.answer(lease.lease_id)
    expect(hub.state.sessions.get('200000000000')?.speed).toBe(1e8)
  })
})

describe('a promise that is long overdue near the end of a job', () => {
  it('is given to a second agent, and whoever is first closes it', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 2, verify: { mode: 'none' } })
    const slow = only(leasesIn(hub.join('slow', 'alice')))
    const quick = only(leasesIn(hub.join('quick', 'bob')))
    hub.now_ms += 10
    hub.answer(quick.lease_id)
    expect(leasesIn(hub.later(HUB.straggler_min_ms - 20))).toEqual([])
    const again = only(leasesIn(hub.later(20)))
    expect(again).toMatchObject({ session: 'quick', first: slow.first, count: slow.count })
    const effects = hub.answer(again.lease_id)
    expect(acceptedIn(effects).map(({ shard }) => shard)).toEqual([slow.first])
    expect(effects).toContainEqual(
      expect.objectContaining({ message: expect.objectContaining({ t: 'cancel', lease_id: slow.lease_id }) }),
    )
    expect(hub.state.leases.size).toBe(0)
  })
})

describe('a hub that is to stop', () => {
  it('tells every agent where to go, gives nothing more, and takes what they return', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 4 })
    const held = only(leasesIn(hub.join('a', 'alice')))
    hub.join('b', 'bob')
    const to = ['wss://hub-2.pool.example/agent']
    const said = hub.say({ t: 'hub.draining', to }).filter((effect) => effect.t === 'send')
    expect(said.map(({ session, message }) => [session, message])).toEqual([
      ['a', { t: 'draining', to }],
      ['b', { t: 'draining', to }],
    ])
    const effects = hub.answer(held.lease_id)
    expect(leasesIn(effects)).toEqual([])
    expect(hub.state.leases.size).toBe(hub.state.sessions.get('b')?.held.size)
  })
})

describe('a session that is ended', () => {
  it('hears why, gives its leases to others, and leaves what it returned', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 2 })
    const returned = only(leasesIn(hub.join('a', 'alice')))
    hub.answer(returned.lease_id)
    hub.admit({ id: 'more', shard_count: 2 })
    hub.say({ t: 'tick' })
    expect(hub.state.sessions.get('a')?.held.size).toBe(1)
    const effects = hub.say({ t: 'session.ended', session: 'a', reason: 'its key was revoked' })
    expect(effects.filter(({ t }) => t === 'send' || t === 'session.dropped')).toEqual([
      expect.objectContaining({ session: 'a', message: { t: 'ended', reason: 'its key was revoked' } }),
      { t: 'session.dropped', session: 'a', reason: 'its key was revoked' },
    ])
    expect(hub.state.leases.size).toBe(0)
    expect(hub.state.sessions.size).toBe(0)
    expect(hub.copies('job')).toHaveLength(1)
    expect(hub.say({ t: 'session.ended', session: 'a', reason: 'again' })).toEqual([])
  })
})
