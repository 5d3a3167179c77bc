import { describe, expect, it } from 'vitest'
import { Desk } from './desk.test-support.ts'
import { step } from './step.ts'

const SHARDS = 4000

/** A job of which the referee has executed many runs, since nobody was known at first; and one agent on probation. */
function watched(): Desk {
  const desk = new Desk({ mode: 'adaptive', epsilon: 1e-4 }, SHARDS)
  desk.join('a', 0)
  desk.join('b', 0)
  for (let round = 0; round < 12; round++) {
    desk.work('a', [], 1)
    desk.work('b', [], 1)
    desk.judge()
  }
  desk.join('c', 0, 100_000)
  return desk
}

/** Until so many canaries were answered, while others confirm what the agent does. */
function workUntil(desk: Desk, canaries: number, lies: readonly number[] | 'canaries' = []): void {
  for (let round = 0; round < 400 && desk.canaries.length < canaries; round++) {
    desk.work('c', lies, 1)
    desk.work('a', [], 1)
    desk.work('b', [], 1)
    desk.judge()
  }
}

const acceptedShards = (desk: Desk) =>
  desk
    .of('persist')
    .flatMap(({ runs }) => runs)
    .flatMap(({ first, count }) => Array.from({ length: count }, (_, offset) => first + offset))

describe('canaries', () => {
  it('look like work, are credited like work, and never enter the job', () => {
    const desk = watched()
    workUntil(desk, 3)
    const said = desk.of('send').flatMap(({ message }) => (message.t === 'lease' ? [message] : []))
    const ids = new Set(desk.canaries.map(({ id }) => id))
    expect(ids.size).toBe(3)
    expect(new Set(said.map((message) => Object.keys(message).join())).size).toBe(1)
    const answers = desk.of('persist').filter(({ canaries }) => canaries !== undefined)
    expect(answers.flatMap(({ canaries }) => canaries)).toMatchObject(
      desk.canaries.map(({ id, count }) => ({ lease_id: id, agent: 'key-c', shards: count, isRight: true })),
    )
    expect(answers.every(({ runs, shard_count }) => runs.length === 0 && shard_count === 0)).toBe(true)
    expect(desk.findings()).toMatchObject({ canaries: 3, canaries_bad: 0 })
    const told = desk
      .of('send')
      .flatMap(({ message }) => (message.t === 'accepted' ? [message.lease_id] : []))
    for (const id of ids) expect(told).toContain(id)
    const shards = acceptedShards(desk)
    expect(new Set(shards).size).toBe(shards.length)
  })

  it('are checks that the agent passes, by as many shards as were known', () => {
    const desk = watched()
    const before = desk.passed('c')
    desk.work('c', [], 1)
    workUntil(desk, 1)
    const [canary] = desk.canaries
    expect(canary?.canary).toBeDefined()
    expect(desk.passed('c') - before).toBeGreaterThanOrEqual(
      (canary?.canary?.to ?? 0) - (canary?.canary?.from ?? 0),
    )
  })

  it('end an agent that gives a wrong one', () => {
    const desk = watched()
    workUntil(desk, 1, 'canaries')
    expect(desk.canaries).toHaveLength(1)
    expect(desk.of('agent.failed')).toMatchObject([{ agent: 'key-c', job_id: 'job' }])
    expect(desk.of('agent.failed')[0]?.reason).toMatch(/which was known before$/)
    expect(desk.findings().canaries_bad).toBe(1)
    expect(desk.state.sessions.has('c')).toBe(false)
  })

  it('ask no owner for what he has computed, or was asked before', () => {
    const desk = watched()
    workUntil(desk, 8)
    expect(desk.canaries.length).toBeGreaterThan(3)
    const spans = desk.canaries
      .map(({ first, count }) => [first, first + count] as const)
      .sort((x, y) => x[0] - y[0])
    const copies = desk
      .of('persist')
      .flatMap(({ runs }) => runs)
      .filter((run) => run.copies.some(({ agent }) => agent === 'key-c'))
    for (const [at, [first, end]] of spans.entries()) {
      expect(spans[at - 1]?.[1] ?? 0).toBeLessThanOrEqual(first)
      for (const run of copies) expect(run.first + run.count <= first || run.first >= end).toBe(true)
    }
  })

  it('are called off when the job ends', () => {
    const desk = watched()
    for (let round = 0; round < 400; round++) {
      const [held] = desk.state.sessions.get('c')?.held ?? []
      if (held?.canary !== undefined) break
      workUntil(desk, 1)
      if (desk.canaries.length > 0) desk.canaries.length = 0
    }
    const job = desk.state.jobs.get('job')
    const [canary] = job?.canaries ?? []
    expect(canary).toBeDefined()
    const effects = step(desk.state, { t: 'job.cancelled', job_id: 'job' }, desk.now_ms)
    expect(effects).toContainEqual(
      expect.objectContaining({
        session: 'c',
        message: { t: 'cancel', lease_id: canary?.id, reason: 'the job is cancelled' },
      }),
    )
    expect(desk.state.leases.size).toBe(0)
  })
})
