import { describe, expect, it } from 'vitest'
import { newStanding } from '../../../kernel/verification/reputation.ts'
import type { AdmittedJob, HubEffect, HubEvent } from './events.ts'
import { admittedJob } from './job.test-support.ts'
import { startedState } from './state.test-support.ts'
import { step } from './step.ts'
import { truth } from './truth.test-support.ts'

/** What a hub hears of others: agents that they have, and agents that they have found wrong. */

class Desk {
  readonly state = startedState()
  now_ms = 0

  constructor(job: Partial<AdmittedJob>) {
    this.say({
      t: 'job.admitted',
      job: admittedJob({
        shard_count: 16,
        verify: { mode: 'spotcheck', rate: 1e-9 },
        cause: 'science',
        ...job,
      }),
    })
    const chunk = {
      chunk: 0,
      first: 0,
      count: 16,
      epoch: 1,
      lease_ms: Number.POSITIVE_INFINITY,
      accepted: [],
    }
    this.say({ t: 'chunks.claimed', job_id: 'job', chunks: [chunk], exhausted: true })
  }

  say(event: HubEvent): readonly HubEffect[] {
    return step(this.state, event, this.now_ms)
  }

  join(name: string): readonly HubEffect[] {
    this.say({
      t: 'session.joined',
      session: { id: name, agent: `key-${name}`, owner: `owner-${name}`, executor: 'cpu', window: 1 },
      claimed_speed: 1e9,
      standing: newStanding(100_000, 0, true),
    })
    return this.say({ t: 'session.listening', session: name, after_lease: 0 })
  }

  /** The session answers the lease that it holds. */
  answer(name: string): readonly HubEffect[] {
    const [lease] = this.state.sessions.get(name)?.held ?? []
    if (lease === undefined) throw new Error(`${name} holds no lease`)
    const leaves = Array.from({ length: lease.count }, (_, offset) => truth('job', lease.first + offset))
    const digests = new Uint8Array(Buffer.concat(leaves))
    this.now_ms += 1000
    return this.say({ t: 'result.received', session: name, lease_id: lease.id, digests, leaves })
  }
}

const sent = (effects: readonly HubEffect[], t: string) =>
  effects.filter((effect) => effect.t === 'send' && effect.message.t === t)

describe('agents of other hubs', () => {
  it('count towards what a job waits for', () => {
    const desk = new Desk({ min_agents: 3 })
    expect(sent(desk.join('a'), 'lease')).toEqual([])
    expect(sent(desk.say({ t: 'job.elsewhere', job_id: 'job', connected: 1 }), 'lease')).toEqual([])
    expect(sent(desk.say({ t: 'job.elsewhere', job_id: 'job', connected: 2 }), 'lease')).toHaveLength(1)
    expect(desk.say({ t: 'job.elsewhere', job_id: 'gone', connected: 2 })).toEqual([])
  })
})

describe('an agent that another hub has found wrong', () => {
  it('loses its session and what it promised; what it gave alone is looked up and executed again', () => {
    const desk = new Desk({})
    desk.join('a')
    const accepted = desk.answer('a')
    expect(accepted.find(({ t }) => t === 'persist')).toMatchObject({
      shard_count: 2,
      runs: [{ method: 'single' }],
    })
    const event = { t: 'agent.distrusted', agent: 'key-a', executor: 'cpu', reason: 'wrong' } as const
    const effects = desk.say(event)
    expect(effects).toContainEqual({ t: 'session.dropped', session: 'a', reason: 'wrong' })
    expect(effects).toContainEqual({ t: 'word.doubted', agent: 'key-a', executor: 'cpu' })
    expect(desk.say({ t: 'job.doubted', job_id: 'job', spans: [{ first: 0, count: 2 }] })).toContainEqual(
      expect.objectContaining({ t: 'referee.recheck', job_id: 'job', shards: [0, 1] }),
    )
    // The hub that found it has stored it.
    expect(effects.some(({ t }) => t === 'agent.failed')).toBe(false)
    expect(desk.state.leases.size).toBe(0)
    expect(desk.say(event)).toEqual([])
    // Let in again, it works again.
    expect(sent(desk.join('a'), 'lease')).toHaveLength(1)
  })

  it('holds a drained job up until the doubtful shards have been executed again', () => {
    const desk = new Desk({})
    expect(desk.say({ t: 'job.drained', job_id: 'job' })).toContainEqual({ t: 'job.complete', job_id: 'job' })
    const doubted = desk.say({ t: 'job.doubted', job_id: 'job', spans: [{ first: 3, count: 2 }] })
    expect(doubted).toEqual([expect.objectContaining({ t: 'referee.recheck', shards: [3, 4] })])
    const [asked] = doubted
    if (asked?.t !== 'referee.recheck') throw new Error('nothing is executed again')
    expect(desk.say({ t: 'job.drained', job_id: 'job' })).toEqual([])
    expect(desk.say({ t: 'referee.rechecked', request: asked.request })).toContainEqual({
      t: 'job.complete',
      job_id: 'job',
    })
  })
})

describe('a promise beside an audited run', () => {
  it('may be taken back without anybody waiting for another copy', () => {
    const desk = new Desk({ verify: { mode: 'spotcheck', rate: 1 } })
    for (const name of ['a', 'b', 'c']) desk.join(name)
    // All is promised; the fast one repeats what the slow ones have promised, and the first answer is audited.
    for (let turn = 0; turn < 20 && [...(desk.state.sessions.get('a')?.held ?? [])].length > 0; turn++)
      desk.answer('a')
    const job = desk.state.jobs.get('job')
    const runs = [...(job?.chunks.get(0)?.runs ?? [])]
    const audited = runs.find(({ stage, copies }) => stage === 'audited' && copies.length === 2)
    expect(audited).toBeDefined()
    const promised = audited?.copies.find(({ digests }) => digests === undefined)
    desk.say({ t: 'session.ended', session: promised?.session ?? '', reason: 'by its owner' })
    expect(audited).toMatchObject({ stage: 'audited', copies: [{ session: 'a' }] })
  })
})
