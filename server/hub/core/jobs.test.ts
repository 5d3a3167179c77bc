import { describe, expect, it } from 'vitest'
import { Conversation, kinds, leasesIn, only } from './conversation.test-support.ts'

describe('a job', () => {
  it('completes when its last shard is durable, not before', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1, verify: { mode: 'none' } })
    const lease = only(leasesIn(hub.join('a', 'alice')))
    const effects = hub.answer(lease.lease_id)
    expect(kinds(effects)).not.toContain('job.complete')
    const persist = only(effects.filter((effect) => effect.t === 'persist'))
    const after = hub.say({ ...persist, t: 'committed' })
    expect(kinds(after)).toContain('job.complete')
    expect(after).toContainEqual({
      t: 'send',
      session: 'a',
      seq: 1,
      message: { t: 'accepted', lease_id: lease.lease_id, shards: 1 },
    })
  })

  it('resumes after a restart with only its open shards', () => {
    const hub = new Conversation()
    hub.enrol('a', 'alice')
    hub.admit({
      shard_count: 6,
      accepted: [
        [0, 2],
        [3, 1],
      ],
    })
    expect(hub.state.jobs.get('job')?.fresh.all.map(({ first, count }) => [first, count])).toEqual([
      [2, 1],
      [4, 2],
    ])
  })

  it('completes at once when a restart finds all its shards durable', () => {
    const hub = new Conversation()
    hub.enrol('a', 'alice')
    expect(kinds(hub.admit({ shard_count: 2, accepted: [[0, 2]] }))).toContain('job.complete')
  })

  it('stops its leases when it is cancelled or out of time', () => {
    for (const end of ['cancel', 'timeout'] as const) {
      const hub = new Conversation()
      hub.admit({ shard_count: 1, expires_ms: 5000 })
      const lease = only(leasesIn(hub.join('a', 'alice')))
      const effects = end === 'cancel' ? hub.say({ t: 'job.cancelled', job_id: 'job' }) : hub.later(5000)
      expect(effects).toContainEqual({
        t: 'job.phase',
        job_id: 'job',
        phase: end === 'cancel' ? 'cancelled' : 'expired',
      })
      expect(effects).toContainEqual(
        expect.objectContaining({
          t: 'send',
          message: expect.objectContaining({ t: 'cancel', lease_id: lease.lease_id }),
        }),
      )
      expect(hub.state.leases.size).toBe(0)
    }
  })

  it('shares the network with an older job', () => {
    const hub = new Conversation()
    hub.enrol('a', 'alice', 'cpu', 2)
    hub.admit({ id: 'old', shard_count: 1000 })
    hub.admit({ id: 'new', shard_count: 1000 })
    const sent = leasesIn(hub.listen('a'))
    expect(sent.map((lease) => hub.state.leases.get(lease.lease_id)?.job.id)).toEqual(['old', 'new'])
  })
})

describe('a guest who becomes an account', () => {
  it('owns his running job from then on: what his own agents did of it is done again by others', () => {
    const hub = new Conversation()
    hub.admit({ owner: 'guest', shard_count: 2 })
    hub.answer(only(leasesIn(hub.join('a', 'ada'))).lease_id)
    const running = only(leasesIn(hub.admit({ id: 'more', owner: 'guest', shard_count: 2 })))
    const effects = hub.say({ t: 'owner.moved', from: 'guest', to: 'ada' })
    expect(effects).toContainEqual(
      expect.objectContaining({
        t: 'send',
        session: 'a',
        message: expect.objectContaining({ t: 'cancel', lease_id: running.lease_id }),
      }),
    )
    for (const job of hub.state.jobs.values()) {
      expect(job.owner).toBe('ada')
      expect(hub.copies(job.id)).toEqual([])
    }
    expect(hub.state.leases.size).toBe(0)
    expect(hub.say({ t: 'owner.moved', from: 'guest', to: 'ada' })).toEqual([])
  })
})
