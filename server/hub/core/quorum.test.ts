import { describe, expect, it } from 'vitest'
import { ASKED, acceptedIn, Conversation, kinds, leasesIn, only } from './conversation.test-support.ts'
import { HUB } from './limits.ts'
import { truth } from './truth.test-support.ts'

describe('quorum of two owners', () => {
  it('accepts a shard when two owners agree, and names both copies', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    const a = only(leasesIn(hub.join('a', 'alice', 'webgpu')))
    expect(acceptedIn(hub.answer(a.lease_id))).toEqual([])
    const b = only(leasesIn(hub.join('b', 'bob', 'cpu')))
    const shard = only(acceptedIn(hub.answer(b.lease_id)))
    expect(shard).toMatchObject({ shard: 0, method: 'quorum', digest: truth('job', 0) })
    expect(shard.copies.map((copy) => [copy.owner, copy.executor])).toEqual([
      ['alice', 'webgpu'],
      ['bob', 'cpu'],
    ])
  })

  it('never gives both copies to one owner, whatever the number of his agents', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    const first = only(leasesIn(hub.join('a', 'alice')))
    hub.answer(first.lease_id)
    expect(leasesIn(hub.join('a2', 'alice', 'webgpu'))).toEqual([])
  })

  it('never gives both copies to one network, whatever the number of accounts there', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    const network = '203.0.113.0/24'
    expect(leasesIn(hub.join('a1', 'alice', 'cpu', 1, { network }))).toHaveLength(1)
    expect(leasesIn(hub.join('b1', 'bob', 'webgpu', 1, { network }))).toEqual([])
    // Whose network is not known may be anywhere, and so is somebody elsewhere.
    expect(leasesIn(hub.join('c1', 'carol', 'cpu', 1, { network: '198.51.100.0/24' }))).toHaveLength(1)
  })

  it('lets the referee supply the second copy at once after the wait when all others are in its network', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    const network = '203.0.113.0/24'
    const lease = only(leasesIn(hub.join('a1', 'alice', 'cpu', 1, { network })))
    for (const owner of ['bob', 'carol']) hub.join(owner, owner, 'cpu', 1, { network })
    expect(kinds(hub.answer(lease.lease_id))).not.toContain('referee.run')
    expect(hub.later(HUB.second_owner_wait_ms)).toContainEqual(ASKED)
  })

  it("never counts the submitter's own agents", () => {
    const hub = new Conversation()
    hub.admit()
    expect(leasesIn(hub.join('own', 'submitter'))).toEqual([])
  })

  it('lets the referee supply the second copy after the wait when no second owner is there', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    hub.answer(only(leasesIn(hub.join('a', 'alice'))).lease_id)
    expect(kinds(hub.later(HUB.second_owner_wait_ms - 1))).not.toContain('referee.run')
    expect(hub.later(1)).toContainEqual(ASKED)
    const digest = truth('job', 0)
    const shard = only(
      acceptedIn(hub.say({ t: 'referee.done', request: 1, digests: digest, leaves: [digest] })),
    )
    expect(shard.method).toBe('referee')
    expect(shard.copies.map((copy) => copy.owner)).toEqual(['alice', 'referee'])
  })

  it('does not wait for ever for a second owner who takes leases and never answers', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    hub.answer(only(leasesIn(hub.join('a', 'alice'))).lease_id)
    hub.join('b', 'bob')
    const rounds = Array.from({ length: 3 }, () => hub.later(HUB.deadline_min_ms))
    expect(rounds.flat()).toContainEqual(ASKED)
  })

  it('prefers another kind of executor for the second copy', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 8 })
    hub.join('gpu', 'alice', 'webgpu')
    const second = only(leasesIn(hub.join('cpu', 'bob', 'cpu')))
    expect(second.first).toBe(0)
    const third = only(leasesIn(hub.join('gpu2', 'carol', 'webgpu')))
    expect(third.first).toBeGreaterThan(0)
  })

  it('calls the referee on a disagreement, keeps the right copy and shuts the wrong agent out', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    const a = only(leasesIn(hub.join('a', 'alice')))
    const b = only(leasesIn(hub.join('b', 'bob')))
    hub.answer(a.lease_id, 'lie')
    expect(hub.answer(b.lease_id)).toContainEqual(ASKED)
    const digest = truth('job', 0)
    const effects = hub.say({ t: 'referee.done', request: 1, digests: digest, leaves: [digest] })
    expect(only(acceptedIn(effects)).copies.map((copy) => copy.owner)).toEqual(['bob', 'referee'])
    expect(effects).toContainEqual(expect.objectContaining({ t: 'session.dropped', session: 'a' }))
    expect(hub.state.blocked.get('key-a')).toMatch(/differs from the referee/)
    hub.admit({ id: 'next', shard_count: 1 })
    expect(leasesIn(hub.join('a', 'alice'))).toEqual([])
  })

  it('takes the unaccepted copies of a wrong agent back, so that others do them again', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 40 })
    const a = only(leasesIn(hub.join('a', 'alice')))
    hub.answer(a.lease_id)
    const effects = hub.say({ t: 'result.invalid', session: 'a', lease_id: 'none', reason: 'x' })
    expect(effects).toContainEqual({ t: 'reply', outcome: 'not_held' })
    const next = only([...hub.state.leases.values()].filter((lease) => lease.session.id === 'a'))
    hub.say({ t: 'result.invalid', session: 'a', lease_id: next.id, reason: 'bad signature' })
    expect(hub.copies('job')).toEqual([])
  })
})
