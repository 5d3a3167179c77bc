import { describe, expect, it } from 'vitest'
import { Conversation, kinds, leasesIn, only } from './conversation.test-support.ts'

describe('chunks', () => {
  const chunkOf = (chunk: number, epoch: number, count = 4) => ({
    chunk,
    first: 4 * chunk,
    count,
    epoch,
    lease_ms: 9000,
    accepted: [],
  })
  const claimed = (hub: Conversation, chunk: ReturnType<typeof chunkOf>, exhausted = false) =>
    hub.say({ t: 'chunks.claimed', job_id: 'job', chunks: [chunk], exhausted })

  it('are claimed when an agent can do them, and given back when none can any more', () => {
    const hub = new Conversation()
    expect(kinds(hub.admit({ target: 'gpu' }))).toEqual([])
    hub.enrol('c', 'carol', 'cpu')
    expect(hub.state.jobs.get('job')?.chunks.size).toBe(0)
    hub.enrol('g', 'george', 'webgpu')
    claimed(hub, chunkOf(0, 3))
    hub.say({ t: 'session.ended', session: 'g', reason: 'gone' })
    const returned = { t: 'chunk.return', job_id: 'job', chunk: 0, epoch: 3, accepted: [] }
    expect(hub.later(3000)).toContainEqual(returned)
  })

  it('are extended while they are worked on, and done when their shards are durable', () => {
    const hub = new Conversation()
    hub.hasQueue = false
    hub.admit({ shard_count: 4, verify: { mode: 'none' } })
    hub.enrol('a', 'alice')
    claimed(hub, chunkOf(0, 3))
    const lease = only(leasesIn(hub.listen('a')))
    expect(hub.later(3000)).toContainEqual({ t: 'chunk.extend', job_id: 'job', chunk: 0, epoch: 3 })
    const effects = [...hub.answer(lease.lease_id)]
    for (let next = leasesIn(effects)[0]; next !== undefined; ) {
      const more = hub.answer(next.lease_id)
      effects.push(...more)
      next = leasesIn(more)[0]
    }
    const persists = effects.filter((effect) => effect.t === 'persist')
    const answers = persists.flatMap((effect) => hub.say({ ...effect, t: 'committed' }))
    expect(answers).toContainEqual({ t: 'chunk.done', job_id: 'job', chunk: 0, epoch: 3 })
    expect(hub.state.jobs.get('job')?.chunks.size ?? 0).toBe(0)
  })

  it('that are lost end their leases, and what was committed under their claim counts no more', () => {
    const hub = new Conversation()
    hub.hasQueue = false
    hub.admit({ shard_count: 4, verify: { mode: 'none' } })
    hub.enrol('a', 'alice')
    claimed(hub, chunkOf(0, 3))
    const lease = only(leasesIn(hub.listen('a')))
    expect(hub.say({ t: 'chunk.lost', job_id: 'job', chunk: 0, epoch: 2 })).toEqual([])
    const effects = hub.say({ t: 'chunk.lost', job_id: 'job', chunk: 0, epoch: 3 })
    expect(effects).toContainEqual(
      expect.objectContaining({
        message: expect.objectContaining({ t: 'cancel', lease_id: lease.lease_id }),
      }),
    )
    claimed(hub, chunkOf(0, 4))
    hub.say({ t: 'committed', job_id: 'job', chunk: 0, epoch: 3, shard_count: 4, credits: [] })
    expect(hub.state.jobs.get('job')?.chunks.get(0)).toMatchObject({ epoch: 4, durable_count: 0 })
  })
})
