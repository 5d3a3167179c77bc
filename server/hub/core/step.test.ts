import { describe, expect, it } from 'vitest'
import { acceptedShard } from '../../../kernel/acceptance.ts'
import { sha256, utf8ToBytes } from '../../../kernel/digest.ts'
import type { AdmittedJob, HubEffect, HubEvent } from './events.ts'
import { HUB } from './limits.ts'
import { type HubState, initialState } from './state.ts'
import { step } from './step.ts'
import { truth } from './truth.test-support.ts'

type Range = readonly [first: number, count: number]

/** A hub at a chosen time, spoken to event by event. */
class Conversation {
  readonly state: HubState = initialState(7, { draw_key: [1, 2], lease_shards: 4096 })
  readonly #shards = new Map<string, { readonly count: number; readonly accepted: readonly Range[] }>()
  now_ms = 0
  /** Whether each job's shards are one chunk that is there at once. */
  hasQueue = true

  /** What the hub does, and does when each job's shards are one chunk. */
  say(event: HubEvent): readonly HubEffect[] {
    const effects = step(this.state, event, this.now_ms)
    return [...effects, ...effects.flatMap((effect) => this.#answerQueue(effect))]
  }

  #answerQueue(effect: HubEffect): readonly HubEffect[] {
    if (!this.hasQueue) return []
    if (effect.t === 'chunk.done') return this.say({ t: 'job.drained', job_id: effect.job_id })
    if (effect.t !== 'chunk.claim') return []
    const { job_id } = effect
    const published = this.#shards.get(job_id)
    this.#shards.delete(job_id)
    const chunk = { chunk: 0, first: 0, epoch: 1, lease_ms: Number.POSITIVE_INFINITY }
    const chunks = published === undefined ? [] : [{ ...chunk, ...published }]
    return this.say({ t: 'chunks.claimed', job_id, chunks, exhausted: true })
  }

  /** All copies of a job's open runs. */
  copies(job_id: string) {
    const chunks = [...(this.state.jobs.get(job_id)?.chunks.values() ?? [])]
    return chunks.flatMap(({ runs }) => [...runs].flatMap(({ copies }) => copies))
  }

  later(ms: number): readonly HubEffect[] {
    this.now_ms += ms
    return this.say({ t: 'tick' })
  }

  admit({ accepted = [], ...over }: Partial<AdmittedJob> & { readonly accepted?: readonly Range[] } = {}) {
    this.#shards.set(over.id ?? 'job', { count: over.shard_count ?? 4, accepted })
    return this.say({
      t: 'job.admitted',
      job: {
        id: 'job',
        owner: 'submitter',
        shard_count: 4,
        shard_units: 1000,
        leaf_max_bytes: 64,
        inline_leaves: true,
        contract_hash: 'c'.repeat(64),
        plan_digest: 'd'.repeat(64),
        verify: { mode: 'quorum', k: 2 },
        target: 'any',
        cause: 'mc',
        min_agents: 1,
        max_agents: Number.POSITIVE_INFINITY,
        weight: 1,
        look_ends: [],
        looks_passed: 0,
        stopped_at: undefined,
        expires_ms: 1_000_000,
        phase: 'planned',
        ...over,
      },
    })
  }

  enrol(id: string, owner: string, executor: 'webgpu' | 'cpu' = 'cpu', window = 1): void {
    this.say({
      t: 'session.joined',
      session: { id, agent: `key-${id}`, owner, executor, window },
      claimed_speed: 1e9,
    })
  }

  listen(id: string): readonly HubEffect[] {
    return this.say({ t: 'session.listening', session: id, after_lease: 0 })
  }

  join(...[id, ...more]: Parameters<Conversation['enrol']>): readonly HubEffect[] {
    this.enrol(id, ...more)
    return this.listen(id)
  }

  /** Answers a lease with the right digests, or with wrong ones. */
  answer(lease_id: string, lie = ''): readonly HubEffect[] {
    const lease = this.state.leases.get(lease_id)
    if (lease === undefined) throw new Error(`no lease ${lease_id}`)
    const leaves = Array.from({ length: lease.count }, (_, offset) =>
      lie === '' ? truth(lease.job.id, lease.first + offset) : sha256(utf8ToBytes(`${lie}${offset}`)),
    )
    const digests = new Uint8Array(32 * lease.count)
    for (const [offset, leaf] of leaves.entries()) digests.set(leaf, 32 * offset)
    return this.say({ t: 'result.received', session: lease.session.id, lease_id, digests, leaves })
  }
}

const leasesIn = (effects: readonly HubEffect[]) =>
  effects.flatMap((effect) =>
    effect.t === 'send' && effect.message.t === 'lease'
      ? [{ session: effect.session, ...effect.message }]
      : [],
  )
const only = <T>(list: readonly T[]): T => {
  const [first] = list
  if (list.length !== 1 || first === undefined) throw new Error(`one element expected, not ${list.length}`)
  return first
}
const acceptedIn = (effects: readonly HubEffect[]) =>
  effects.flatMap((effect) =>
    effect.t === 'persist'
      ? effect.runs.flatMap((run) =>
          Array.from({ length: run.count }, (_, offset) => acceptedShard(run, offset)),
        )
      : [],
  )
const ASKED = { t: 'referee.run', request: 1, job_id: 'job', shards: [0] }
const kinds = (effects: readonly HubEffect[]) => effects.map((effect) => effect.t)

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
