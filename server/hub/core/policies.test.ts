import { describe, expect, it } from 'vitest'
import { newStanding } from '../../../kernel/verification/reputation.ts'
import { Desk, SHARDS } from './desk.test-support.ts'
import { verificationNeed } from './verification.ts'

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
      network: undefined,
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
