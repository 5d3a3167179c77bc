import { describe, expect, it } from 'vitest'
import { ASKED, acceptedIn, Conversation, kinds, leasesIn, only } from './conversation.test-support.ts'
import { waitingFor } from './fleet.ts'
import { HUB } from './limits.ts'

describe('the policy', () => {
  it('waits for its least number of agents, and never has more than its most at work', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 100, min_agents: 2, max_agents: 2 })
    expect(leasesIn(hub.join('a', 'alice'))).toEqual([])
    expect(leasesIn(hub.join('b', 'bob')).map(({ session }) => session)).toEqual(['a', 'b'])
    expect(hub.state.leases.size).toBe(2)
    expect(leasesIn(hub.join('c', 'carol'))).toEqual([])
  })
})

describe('sharing', () => {
  it('serves owners by the work done for them, and weights among the jobs of one', () => {
    const hub = new Conversation()
    const none = { verify: { mode: 'none' }, shard_count: 1000 } as const
    hub.enrol('a', 'agent', 'cpu', 8)
    for (const [id, owner, weight] of [
      ['one', 'ann', 1],
      ['two', 'ann', 3],
      ['three', 'ben', 1],
    ] as const)
      hub.admit({ ...none, id, owner, weight })
    const served: Record<string, number> = { one: 0, two: 0, three: 0 }
    const queue = [...leasesIn(hub.listen('a'))]
    for (let round = 0; round < 400; round++) {
      const lease = queue.shift()
      if (lease === undefined) break
      const job = hub.state.leases.get(lease.lease_id)?.job.id ?? ''
      served[job] = (served[job] ?? 0) + lease.count
      // So slow that each lease has one shard.
      hub.now_ms += 10_000
      queue.push(...leasesIn(hub.answer(lease.lease_id)))
    }
    const total = Object.values(served).reduce((sum, count) => sum + count, 0)
    expect(total).toBeGreaterThan(300)
    expect((served.three ?? 0) / total).toBeCloseTo(0.5, 1)
    expect((served.two ?? 0) / (served.one ?? 1)).toBeGreaterThan(2.5)
    expect((served.two ?? 0) / (served.one ?? 1)).toBeLessThan(3.5)
  })
})

describe('an owner with jobs of several kinds', () => {
  it('is served for all of them together', () => {
    const hub = new Conversation()
    const none = { verify: { mode: 'none' }, shard_count: 1000 } as const
    hub.enrol('a', 'agent', 'cpu', 8)
    hub.admit({ ...none, id: 'one', owner: 'ann', cause: 'mc' })
    hub.admit({ ...none, id: 'two', owner: 'ann', cause: 'tensor' })
    hub.admit({ ...none, id: 'three', owner: 'ben', cause: 'tensor' })
    const served = new Map<string, number>()
    const queue = [...leasesIn(hub.listen('a'))]
    for (let round = 0; round < 300; round++) {
      const lease = queue.shift()
      if (lease === undefined) break
      const owner = hub.state.leases.get(lease.lease_id)?.job.owner ?? ''
      served.set(owner, (served.get(owner) ?? 0) + lease.count)
      hub.now_ms += 10_000
      queue.push(...leasesIn(hub.answer(lease.lease_id)))
    }
    const [ann = 0, ben = 0] = [served.get('ann'), served.get('ben')]
    expect(ann + ben).toBeGreaterThan(250)
    expect(ann / (ann + ben)).toBeCloseTo(0.5, 1)
  })
})

describe('what agents offer', () => {
  it('is the causes that their contributors chose, and they are leased no other', () => {
    const hub = new Conversation()
    hub.admit({ id: 'prices', cause: 'mc' })
    hub.admit({ id: 'products', cause: 'tensor' })
    hub.enrol('a', 'alice', 'cpu', 4, { causes: ['tensor'] })
    const jobs = leasesIn(hub.listen('a')).map(({ lease_id }) => hub.state.leases.get(lease_id)?.job.id)
    expect(new Set(jobs)).toEqual(new Set(['products']))
    hub.enrol('b', 'bob')
    expect(new Set(leasesIn(hub.listen('b')).map(({ first }) => first)).size).toBe(1)
  })

  it('is memory: who cannot hold a shard’s operands or output is not asked for it', () => {
    const hub = new Conversation()
    hub.admit({ memory_bytes: 200 * 2 ** 20 })
    // What WebGPU guarantees is 128 MiB; nothing is known of this device.
    expect(leasesIn(hub.join('g', 'george', 'webgpu'))).toEqual([])
    hub.enrol('h', 'henry', 'webgpu', 1, { memory_bytes: 2 ** 28 })
    expect(leasesIn(hub.listen('h'))).toHaveLength(1)
    expect(leasesIn(hub.join('c', 'carol', 'cpu'))).toHaveLength(1)
  })

  it('decides who is waited for: where nobody may give the second copy, the referee does', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1, cause: 'mc' })
    hub.answer(only(leasesIn(hub.join('a', 'alice'))).lease_id)
    hub.enrol('b', 'bob', 'cpu', 1, { causes: ['media'] })
    expect(leasesIn(hub.listen('b'))).toEqual([])
    expect(hub.later(HUB.second_owner_wait_ms)).toContainEqual(ASKED)
  })

  it('is why a job waits, in words for its page', () => {
    const hub = new Conversation()
    const waiting = () => waitingFor(hub.state, only([...hub.state.jobs.values()]))
    hub.admit({ cause: 'media', min_agents: 2, target: 'cpu' })
    hub.enrol('a', 'alice', 'cpu', 1, { causes: ['mc'] })
    expect(waiting()).toMatchObject({ t: 'nobody', target: 'cpu', cause: 'media' })
    hub.join('b', 'bob')
    expect(waiting()).toEqual({ t: 'few', connected: 1, wanted: 2 })
    hub.join('c', 'carol')
    expect(waiting()).toBeUndefined()
    hub.say({ t: 'job.paused', job_id: 'job' })
    expect(waiting()).toEqual({ t: 'paused' })
  })
})

describe('a paused job', () => {
  it('gets no new lease, takes what is under way, and goes on when it is resumed', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 100, verify: { mode: 'none' } })
    const lease = only(leasesIn(hub.join('a', 'alice')))
    hub.say({ t: 'job.paused', job_id: 'job' })
    expect(leasesIn(hub.join('b', 'bob'))).toEqual([])
    hub.now_ms += 10
    const effects = hub.answer(lease.lease_id)
    expect(acceptedIn(effects)).toHaveLength(lease.count)
    expect(leasesIn(effects)).toEqual([])
    expect(leasesIn(hub.later(10_000))).toEqual([])
    expect(
      leasesIn(hub.say({ t: 'job.resumed', job_id: 'job' }))
        .map(({ session }) => session)
        .sort(),
    ).toEqual(['a', 'b'])
  })

  it('leaves the turn to other jobs', () => {
    const hub = new Conversation()
    hub.admit({ id: 'old', shard_count: 100 })
    hub.admit({ id: 'new', shard_count: 100 })
    hub.say({ t: 'job.paused', job_id: 'old' })
    const [lease] = leasesIn(hub.join('a', 'alice'))
    expect(hub.state.leases.get(lease?.lease_id ?? '')?.job.id).toBe('new')
  })

  it('waits for no second owner, neither while it rests nor for the time in which it did', () => {
    const hub = new Conversation()
    hub.admit({ shard_count: 1 })
    hub.answer(only(leasesIn(hub.join('a', 'alice'))).lease_id)
    hub.say({ t: 'job.paused', job_id: 'job' })
    hub.join('b', 'bob')
    const rest = [hub.later(HUB.overdue_copy_ms), hub.later(HUB.overdue_copy_ms)].flat()
    expect(kinds(rest)).not.toContain('referee.run')
    const again = hub.say({ t: 'job.resumed', job_id: 'job' })
    expect(leasesIn(again)).toHaveLength(1)
    expect(kinds(hub.later(HUB.second_owner_wait_ms))).not.toContain('referee.run')
  })

  it('claims no chunks, ends at its time limit all the same, and can be cancelled', () => {
    const hub = new Conversation()
    hub.enrol('a', 'alice')
    expect(kinds(hub.admit({ isPaused: true, expires_ms: 5000 }))).not.toContain('chunk.claim')
    expect(hub.later(5000)).toContainEqual({ t: 'job.phase', job_id: 'job', phase: 'expired' })
    hub.admit({ isPaused: true, id: 'other' })
    expect(kinds(hub.say({ t: 'job.cancelled', job_id: 'other' }))).toContain('job.phase')
  })
})

describe('an agent that has a job’s operands', () => {
  const big = { verify: { mode: 'none' }, shard_count: 10_000 } as const
  const OWNERS = 6
  /** How often the agent begins a job that is not among its last four, in so many leases of a second each. */
  const fetches = (operandsOf: (job: number) => readonly string[]) => {
    const hub = new Conversation()
    hub.enrol('a', 'agent', 'cpu', 1)
    for (let job = 0; job < OWNERS; job++)
      hub.admit({ ...big, id: `job${job}`, owner: `owner${job}`, operands: operandsOf(job) })
    const served = new Map<string, number>()
    const last: string[] = []
    let [count, total] = [0, 0]
    let [lease] = leasesIn(hub.listen('a'))
    for (let round = 0; round < 240 && lease !== undefined; round++) {
      const id = hub.state.leases.get(lease.lease_id)?.job.id ?? ''
      if (!last.includes(id)) count++
      if (last.includes(id)) last.splice(last.indexOf(id), 1)
      last.push(id)
      if (last.length > HUB.local_jobs) last.shift()
      served.set(id, (served.get(id) ?? 0) + lease.count)
      total += lease.count
      // A second a shard.
      hub.now_ms += 1000 * lease.count
      ;[lease] = leasesIn(hub.answer(lease.lease_id))
    }
    return { count, shares: [...served.values()].map((one) => one / total) }
  }

  it('stays with it for a while when it is another’s turn, and everybody gets his share', () => {
    const apart = fetches((job) => [`operand${job}`])
    const without = fetches(() => [])
    expect(without.count).toBeGreaterThan(200)
    expect(apart.count).toBeLessThan(without.count / 2)
    expect(apart.count).toBeGreaterThan(OWNERS)
    for (const { shares } of [apart, without]) {
      expect(shares).toHaveLength(OWNERS)
      for (const share of shares) expect(Math.abs(share - 1 / OWNERS)).toBeLessThan(0.05)
    }
  })

  it('takes turns as ever where the operands are the same', () => {
    expect(fetches(() => ['operand']).count).toBeGreaterThan(200)
  })
})

describe('the weight of a job', () => {
  it('can be changed while it runs: its part of its owner’s turns changes from then on', () => {
    const hub = new Conversation()
    hub.enrol('a', 'agent', 'cpu', 1)
    const none = { verify: { mode: 'none' }, shard_count: 10_000, owner: 'ann' } as const
    hub.admit({ ...none, id: 'one' })
    hub.admit({ ...none, id: 'two' })
    hub.say({ t: 'job.weighed', job_id: 'two', weight: 4 })
    const served = new Map<string, number>()
    let [lease] = leasesIn(hub.listen('a'))
    for (let round = 0; round < 200 && lease !== undefined; round++) {
      const id = hub.state.leases.get(lease.lease_id)?.job.id ?? ''
      served.set(id, (served.get(id) ?? 0) + lease.count)
      hub.now_ms += 10_000
      ;[lease] = leasesIn(hub.answer(lease.lease_id))
    }
    expect((served.get('two') ?? 0) / (served.get('one') ?? 1)).toBeGreaterThan(3.3)
    expect((served.get('two') ?? 0) / (served.get('one') ?? 1)).toBeLessThan(4.7)
  })
})
