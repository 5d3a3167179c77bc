import { describe, expect, it } from 'vitest'
import { isFull } from './back-pressure.ts'
import { Conversation, leasesIn, only } from './conversation.test-support.ts'
import type { HubEffect } from './events.ts'
import { HUB } from './limits.ts'

const AGENTS = 40
/** Shards for which there is room. */
const ROOM = 20

/** Agents who all take as long for a shard, and a store that takes so many shards a second. */
class Pool {
  readonly hub = new Conversation()
  readonly #shard_ms: number
  /** Leases under way, by when their result comes. */
  #working: { readonly lease_id: string; readonly at_ms: number }[] = []
  /** Accepted, the oldest first. */
  #unstored: { readonly chunk: number; readonly epoch: number; readonly shard_count: number }[] = []
  #credit = 0
  leased = 0

  constructor(shard_ms = 400) {
    this.#shard_ms = shard_ms
    this.hub.admit({
      shard_count: 100_000,
      verify: { mode: 'none' },
      leaf_max_bytes: HUB.unstored_bytes / ROOM - 32,
    })
    for (let number = 0; number < AGENTS; number++) this.#hear(this.hub.join(`a${number}`, `owner-${number}`))
  }

  get unstored(): number {
    return this.#unstored.reduce((sum, { shard_count }) => sum + shard_count, 0)
  }

  #hear(effects: readonly HubEffect[]): void {
    for (const { lease_id, count } of leasesIn(effects)) {
      this.leased += count
      this.#working.push({ lease_id, at_ms: this.hub.now_ms + this.#shard_ms * count })
    }
    for (const effect of effects) if (effect.t === 'persist') this.#unstored.push(effect)
  }

  /** A tenth of a second. */
  pass(stored_per_s: number): void {
    this.#hear(this.hub.later(100))
    const back = this.#working.filter(({ at_ms }) => at_ms <= this.hub.now_ms)
    this.#working = this.#working.filter(({ at_ms }) => at_ms > this.hub.now_ms)
    for (const { lease_id } of back) this.#hear(this.hub.answer(lease_id))
    this.#credit = this.#unstored.length === 0 ? 0 : this.#credit + stored_per_s / 10
    for (let next = this.#unstored[0]; next !== undefined && this.#credit >= next.shard_count; ) {
      this.#credit -= next.shard_count
      this.#unstored.shift()
      const { chunk, epoch, shard_count } = next
      this.#hear(this.hub.say({ t: 'committed', job_id: 'job', chunk, epoch, shard_count, credits: [] }))
      next = this.#unstored[0]
    }
  }
}

describe('back-pressure', () => {
  it('leases as fast as results are stored, and evenly', () => {
    const pool = new Pool()
    for (let tenth = 0; tenth < 150; tenth++) pool.pass(50)
    for (let second = 0; second < 20; second++) {
      const before = pool.leased
      for (let tenth = 0; tenth < 10; tenth++) {
        pool.pass(50)
        expect(pool.unstored).toBeLessThan(2 * ROOM)
      }
      expect(pool.leased - before).toBeGreaterThan(25)
      expect(pool.leased - before).toBeLessThan(75)
    }
  })

  it('holds back nobody where storage keeps up with all agents', () => {
    const pool = new Pool()
    for (let tenth = 0; tenth < 150; tenth++) pool.pass(1000)
    const before = pool.leased
    for (let tenth = 0; tenth < 100; tenth++) pool.pass(1000)
    // Each agent does 2.5 shards a second, less what it waits for the next tenth.
    expect((pool.leased - before) / 10).toBeGreaterThan(0.8 * 2.5 * AGENTS)
  })

  it('holds back nobody either who takes longer than his leases count, where storage keeps up', () => {
    const shard_ms = 1.2 * HUB.promise_ms
    const pool = new Pool(shard_ms)
    for (let second = 0; second < 120; second++) for (let tenth = 0; tenth < 10; tenth++) pool.pass(1000)
    const before = pool.leased
    for (let second = 0; second < 60; second++) for (let tenth = 0; tenth < 10; tenth++) pool.pass(1000)
    expect((pool.leased - before) / 60).toBeGreaterThan((0.8 * 1000 * AGENTS) / shard_ms)
  })

  it('leases no more at once than there is room for, and is not held up by agents that never answer', () => {
    const { hub } = new Pool()
    const held = [...hub.state.leases.values()]
    const shards = held.reduce((sum, { count }) => sum + count, 0)
    expect(shards).toBeGreaterThan(ROOM / 2)
    expect(shards).toBeLessThanOrEqual(ROOM + HUB.first_lease_shards)
    expect(leasesIn(hub.later(HUB.promise_ms - 1))).toEqual([])
    expect(leasesIn(hub.later(1)).length).toBe(AGENTS - held.length)
  })

  it('takes a job up again with agents who fit it, however many others find nothing', () => {
    const hub = new Conversation()
    for (let number = 0; number <= HUB.wake_per_tick; number++) hub.join(`g${number}`, `g${number}`, 'webgpu')
    hub.admit({
      shard_count: 100,
      verify: { mode: 'none' },
      target: 'cpu',
      leaf_max_bytes: HUB.unstored_bytes,
    })
    const silent = only(leasesIn(hub.join('silent', 'alice')))
    expect(leasesIn(hub.join('ready', 'bob'))).toEqual([])
    const next = only(leasesIn(hub.later(HUB.promise_ms)))
    expect(next).toMatchObject({ session: 'ready', first: silent.first + silent.count })
  })

  it('is asked without a consequence: what is overdue counts until the clock ticks', () => {
    const { hub } = new Pool()
    const job = hub.state.jobs.get('job')
    if (job === undefined) throw new Error('no job')
    hub.now_ms += HUB.promise_ms
    expect(leasesIn(hub.join('new', 'new'))).toEqual([])
    expect([isFull(hub.state, job), isFull(hub.state, job)]).toEqual([true, true])
    expect(leasesIn(hub.later(0))).not.toEqual([])
  })
})
