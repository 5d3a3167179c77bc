import { describe, expect, it } from 'vitest'
import { sha256, utf8ToBytes } from '../../../kernel/digest.ts'
import { NO_FINDINGS } from '../../../kernel/verification/job-bound.ts'
import { newStanding } from '../../../kernel/verification/reputation.ts'
import type { HubEffect, HubEvent } from './events.ts'
import { initialState } from './state.ts'
import { step } from './step.ts'
import { truth } from './truth.test-support.ts'
import { verificationNeed } from './verification.ts'
import type { VerifyPolicy } from './verify-policy.ts'

const SHARDS = 64

/** One job in one chunk, and agents with a history, spoken to event by event. */
class Desk {
  readonly state = initialState(7, { draw_key: [1, 2], lease_shards: 4096 })
  readonly effects: HubEffect[] = []
  now_ms = 0

  constructor(verify: VerifyPolicy, shard_count = SHARDS) {
    this.say({
      t: 'job.admitted',
      job: {
        id: 'job',
        owner: 'submitter',
        shard_count,
        shard_units: 1,
        leaf_max_bytes: 32,
        inline_leaves: true,
        contract_hash: 'c'.repeat(64),
        plan_digest: 'd'.repeat(64),
        verify,
        target: 'any',
        cause: 'mc',
        min_agents: 1,
        max_agents: Number.POSITIVE_INFINITY,
        weight: 1,
        look_ends: [],
        looks_passed: 0,
        stopped_at: undefined,
        expires_ms: 1e9,
        phase: 'planned',
      },
    })
    const chunk = { chunk: 0, first: 0, count: shard_count, epoch: 1, lease_ms: Number.POSITIVE_INFINITY }
    this.say({ t: 'chunks.claimed', job_id: 'job', chunks: [{ ...chunk, accepted: [] }], exhausted: true })
  }

  /** Everything that an event brings about, what is accepted durable at once. */
  say(event: HubEvent): readonly HubEffect[] {
    const effects = [...step(this.state, event, this.now_ms)]
    this.effects.push(...effects)
    for (const effect of [...effects]) {
      if (effect.t === 'persist') effects.push(...this.say({ ...effect, t: 'committed' }))
      if (effect.t === 'chunk.done') effects.push(...this.say({ t: 'job.drained', job_id: effect.job_id }))
    }
    return effects
  }

  /** @param checks that it has passed; undefined for an agent of which nothing is known */
  join(name: string, checks?: number): readonly HubEffect[] {
    const standing = checks === undefined ? {} : { standing: newStanding(checks, 0, true) }
    this.say({
      t: 'session.joined',
      session: { id: name, agent: `key-${name}`, owner: `owner-${name}`, executor: 'cpu', window: 1 },
      claimed_speed: 1e9,
      ...standing,
    })
    return this.say({ t: 'session.listening', session: name, after_lease: 0 })
  }

  /** Gives back all leases of a session, until it has none; the shards in `lies` are wrong. */
  work(name: string, lies: readonly number[] = [], most = Number.POSITIVE_INFINITY): void {
    for (let done = 0; done < most; done++) {
      const [lease] = this.state.sessions.get(name)?.held ?? []
      if (lease === undefined) return
      const leaves = Array.from({ length: lease.count }, (_, offset) =>
        lies.includes(lease.first + offset)
          ? sha256(utf8ToBytes(`lie ${lease.first + offset}`))
          : truth('job', lease.first + offset),
      )
      this.now_ms += 1000
      this.say({
        t: 'result.received',
        session: name,
        lease_id: lease.id,
        digests: digestsOf(leaves),
        leaves,
      })
    }
  }

  /** The referee answers what it was asked, the algebraic check included, until it is asked nothing more. */
  judge(): void {
    for (;;) {
      const asked = this.effects.filter(
        (effect) =>
          (effect.t === 'referee.run' && this.state.refereeing.has(effect.request)) ||
          (effect.t === 'referee.check' && this.state.refereeing.has(effect.request)) ||
          (effect.t === 'referee.recheck' && this.state.rechecking.has(effect.request)),
      )
      if (asked.length === 0) return
      for (const effect of asked) this.#answer(effect)
    }
  }

  #answer(effect: HubEffect): void {
    if (effect.t === 'referee.run') {
      const leaves = effect.shards.map((shard) => truth('job', shard))
      this.say({ t: 'referee.done', request: effect.request, digests: digestsOf(leaves), leaves })
    } else if (effect.t === 'referee.check') {
      const wrong = effect.shards.flatMap((shard, at) =>
        Buffer.from(truth('job', shard)).equals(effect.digests.subarray(32 * at, 32 * at + 32)) ? [] : [at],
      )
      this.say({ t: 'referee.checked', request: effect.request, wrong })
    } else if (effect.t === 'referee.recheck') {
      this.say({ t: 'referee.rechecked', request: effect.request })
    }
  }

  of<T extends HubEffect['t']>(t: T): readonly Extract<HubEffect, { t: T }>[] {
    return this.effects.filter((effect): effect is Extract<HubEffect, { t: T }> => effect.t === t)
  }

  /** Accepted shards by method. */
  accepted(): Record<string, number> {
    const sums: Record<string, number> = {}
    for (const run of this.of('persist').flatMap(({ runs }) => runs))
      sums[run.method] = (sums[run.method] ?? 0) + run.count
    return sums
  }

  findings() {
    const sum = { ...NO_FINDINGS }
    for (const { findings } of this.of('persist'))
      for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += findings[key]
    return sum
  }

  passed(name: string): number {
    return this.of('agents.passed')
      .flatMap(({ passed }) => passed)
      .reduce((sum, { agent, valid }) => sum + (agent === `key-${name}` ? valid : 0), 0)
  }
}

function digestsOf(leaves: readonly Uint8Array[]): Uint8Array {
  const digests = new Uint8Array(32 * leaves.length)
  for (const [at, leaf] of leaves.entries()) digests.set(leaf, 32 * at)
  return digests
}

describe('spot checks', () => {
  it('are executed by the referee before their shards close, and count as checks of the agent', () => {
    const desk = new Desk({ mode: 'spotcheck', rate: 0.25 }, 4000)
    desk.join('a', 0)
    desk.work('a')
    expect(desk.of('job.complete')).toEqual([])
    desk.judge()
    const { single = 0, referee = 0, ...others } = desk.accepted()
    expect(others).toEqual({})
    expect(single + referee).toBe(4000)
    // Six standard deviations of a binomial.
    expect(Math.abs(referee - 1000)).toBeLessThan(165)
    expect(desk.findings()).toMatchObject({ audits: referee, audits_bad: 0, doubt_agreed: 0 })
    expect(desk.passed('a')).toBe(referee)
    expect(desk.of('job.complete')).toHaveLength(1)
  })

  it('that fail end the agent, its whole run is done again, and the finding is kept', () => {
    const desk = new Desk({ mode: 'spotcheck', rate: 1 })
    desk.join('liar', 5000)
    desk.work('liar', [0], 1)
    desk.judge()
    expect(desk.of('agent.failed')).toMatchObject([{ agent: 'key-liar', executor: 'cpu', job_id: 'job' }])
    desk.join('a', 0)
    desk.work('a')
    desk.judge()
    expect(desk.accepted()).toEqual({ referee: SHARDS })
    expect(desk.findings().audits_bad).toBe(1)
    const copies = desk.of('persist').flatMap(({ runs }) => runs.flatMap((run) => run.copies))
    expect(copies.some(({ agent }) => agent === 'key-liar')).toBe(false)
  })
})

describe('adaptive verification', () => {
  const adaptive = { mode: 'adaptive', epsilon: 1e-4 } as const

  it('asks for a second owner, and for the referee while neither of them is known', () => {
    const desk = new Desk(adaptive, 8)
    desk.join('a', 0)
    desk.work('a')
    expect(desk.accepted()).toEqual({})
    desk.join('b', 0)
    desk.work('b', [], 1)
    desk.judge()
    expect(desk.accepted().referee).toBeGreaterThan(0)
    expect(desk.passed('a')).toBe(desk.passed('b'))
    expect(desk.passed('a')).toBeGreaterThan(0)
  })

  it('lets a known agent work alone, audits one in twenty, and carries the doubt', () => {
    const desk = new Desk(adaptive, 4000)
    desk.join('a', 5000)
    desk.work('a')
    desk.judge()
    const { single = 0, referee = 0 } = desk.accepted()
    expect(single + referee).toBe(4000)
    expect(Math.abs(referee - 200)).toBeLessThan(85)
    const { audits, doubt_single } = desk.findings()
    expect(audits).toBe(referee)
    expect(doubt_single / single).toBeLessThan(1e-4)
    expect(doubt_single).toBeGreaterThan(0)
  })

  it('executes again what an agent did alone when it is found wrong, and ends no job before that', () => {
    const desk = new Desk(adaptive, 400)
    desk.join('a', 5000)
    desk.work('a', [], 20)
    desk.judge()
    const alone = desk.accepted().single ?? 0
    expect(alone).toBeGreaterThan(0)
    desk.say({
      t: 'result.invalid',
      session: 'a',
      lease_id: [...(desk.state.sessions.get('a')?.held ?? [])][0]?.id ?? '',
      reason: 'the root is not that of the digests',
    })
    desk.join('b', 9000)
    desk.work('b')
    const asked = () => desk.of('referee.recheck').flatMap(({ shards }) => shards)
    expect(asked().length).toBeGreaterThan(0)
    expect(desk.of('job.complete')).toEqual([])
    desk.judge()
    expect(new Set(asked()).size).toBe(alone)
    expect(desk.of('job.complete')).toHaveLength(1)
  })

  it('lets an agent that was shut out in again with the standing that the shell gives it', () => {
    const desk = new Desk(adaptive)
    desk.join('a', 5000)
    const [lease] = desk.state.sessions.get('a')?.held ?? []
    desk.say({ t: 'result.invalid', session: 'a', lease_id: lease?.id ?? '', reason: 'wrong' })
    desk.join('a')
    expect(desk.state.sessions.has('a')).toBe(false)
    desk.join('a', 0)
    expect(desk.state.sessions.get('a')?.held.size).toBe(1)
    desk.work('a', [], 1)
    expect(desk.accepted()).toEqual({})
  })
})

describe('the algebraic check', () => {
  it('stands for a second copy: what passes is accepted and is a check of its agent', () => {
    const desk = new Desk({ mode: 'algebraic' })
    desk.join('a', 0)
    desk.work('a')
    expect(desk.accepted()).toEqual({})
    desk.judge()
    expect(desk.accepted()).toEqual({ algebraic: SHARDS })
    expect(desk.of('referee.run')).toEqual([])
    expect(desk.passed('a')).toBe(SHARDS)
  })

  it('ends an agent whose shard fails it, and the shards are done again', () => {
    const desk = new Desk({ mode: 'algebraic' })
    desk.join('liar', 5000)
    desk.work('liar', [1], 1)
    desk.judge()
    expect(desk.of('agent.failed')[0]?.reason).toMatch(/shard 1 of job job fails its algebraic check/)
    desk.join('a')
    desk.work('a')
    desk.judge()
    expect(desk.accepted()).toEqual({ algebraic: SHARDS })
  })
})

describe('a referee with more than enough to do', () => {
  it('is not skipped: what one agent gave alone goes to a second owner', () => {
    const copy = {
      lease_id: '7-1',
      session: 's',
      agent: 'a',
      owner: 'o',
      executor: 'cpu',
      digests: new Uint8Array(32),
      leaves: undefined,
    } as const
    const need = (busy: boolean, copies: number) =>
      verificationNeed(
        { mode: 'spotcheck', rate: 1 },
        { first: 0, count: 1, copies: Array.from({ length: copies }, () => copy) },
        () => newStanding(0, 0, true),
        () => 0,
        busy,
      )
    expect(need(false, 1)).toEqual({ t: 'audit', sample: [0], uniform: true })
    expect(need(true, 1)).toEqual({ t: 'copies', count: 2 })
    expect(need(true, 2)).toEqual({ t: 'accept', method: 'quorum' })
  })
})
