import { describe, expect, it } from 'vitest'
import type { Contract, Verify } from '../contract.ts'
import type { Trace } from '../evidence/trace.ts'
import { type AchievedRun, achievedRuns, type EarlierRecord, replayShortfall } from './replay-rule.ts'

type Policy = Contract['policy']
const ANY: Policy = { target: 'any', min_agents: 1, timeout_ms: 3_600_000, classification: 'public' }
const asks = (verify: Verify, policy: Partial<Policy> = {}) => ({ verify, policy: { ...ANY, ...policy } })
const run = (method: AchievedRun['method'], voices = method === 'quorum' ? 2 : 1): AchievedRun => ({
  first: 0,
  method,
  voices,
  isReduced: false,
})
const record = (verify: Verify, runs: readonly AchievedRun[], more: Partial<EarlierRecord> = {}) => ({
  contract: asks(verify),
  keys: 3,
  runs,
  isOwn: false,
  ...more,
})

const none: Verify = { mode: 'none' }
const spotcheck = (rate: number): Verify => ({ mode: 'spotcheck', rate })
const quorum = (k: number): Verify => ({ mode: 'quorum', k })
const full: Verify = { mode: 'full' }
const adaptive = (epsilon: number): Verify => ({ mode: 'adaptive', epsilon })
const algebraic: Verify = { mode: 'algebraic' }

/** How records come out under each mode, by name. */
const RECORDS: Record<string, EarlierRecord> = {
  none: record(none, [run('single')], { isOwn: true }),
  'spotcheck 0.1': record(spotcheck(0.1), [run('single'), run('referee', 1)]),
  'quorum 2': record(quorum(2), [run('quorum'), run('referee', 1)]),
  'quorum 3': record(quorum(3), [run('quorum', 3)]),
  full: record(full, [run('quorum'), run('referee', 2)]),
  'adaptive 1e-4': record(adaptive(1e-4), [run('single'), run('quorum')]),
  algebraic: record(algebraic, [run('algebraic'), run('referee', 0)]),
  'all by the hub': record(quorum(2), [run('referee', 0)]),
}

/** Asked down, answering records across: every pair, so that no cell is an accident. */
const TABLE: readonly [string, Verify, readonly string[]][] = [
  ['none', none, Object.keys(RECORDS)],
  [
    'spotcheck 0.1',
    spotcheck(0.1),
    ['spotcheck 0.1', 'quorum 2', 'quorum 3', 'full', 'algebraic', 'all by the hub'],
  ],
  [
    'spotcheck 0.05',
    spotcheck(0.05),
    ['spotcheck 0.1', 'quorum 2', 'quorum 3', 'full', 'algebraic', 'all by the hub'],
  ],
  ['spotcheck 0.2', spotcheck(0.2), ['quorum 2', 'quorum 3', 'full', 'algebraic', 'all by the hub']],
  ['quorum 2', quorum(2), ['quorum 2', 'quorum 3', 'full', 'all by the hub']],
  ['quorum 3', quorum(3), ['quorum 3', 'all by the hub']],
  ['quorum 4', quorum(4), ['all by the hub']],
  ['full', full, ['full', 'all by the hub']],
  ['adaptive 1e-3', adaptive(1e-3), ['adaptive 1e-4', 'all by the hub']],
  ['adaptive 1e-4', adaptive(1e-4), ['adaptive 1e-4', 'all by the hub']],
  ['adaptive 1e-5', adaptive(1e-5), ['all by the hub']],
  ['algebraic', algebraic, ['algebraic', 'all by the hub']],
]

describe('a record answers a contract', () => {
  it.each(TABLE)('%s is answered by nothing weaker', (_, verify, answering) => {
    const may = Object.entries(RECORDS).filter(
      ([, earlier]) => replayShortfall(asks(verify), earlier) === undefined,
    )
    expect(may.map(([name]) => name)).toEqual(answering)
  })

  it('whose weakest shard decides', () => {
    const earlier = record(quorum(3), [run('quorum', 3), { ...run('quorum', 2), first: 7 }])
    expect(replayShortfall(asks(quorum(3)), earlier)).toBe('shard 7: 2 owners, 3 were asked for')
  })

  it('never for another owner when nobody checked it, whatever was asked', () => {
    for (const verify of [none, quorum(2), full]) {
      const unchecked = record(none, [run('referee', 0)])
      expect(replayShortfall(asks(verify), unchecked)).toContain('unchecked')
      expect(replayShortfall(asks(verify), { ...unchecked, isOwn: true })).toBeUndefined()
    }
  })

  it('only on the hardware and by as many agents as were asked for', () => {
    const earlier = record(quorum(2), [run('quorum')], { contract: asks(quorum(2), { target: 'gpu' }) })
    expect(replayShortfall(asks(quorum(2), { target: 'gpu' }), earlier)).toBeUndefined()
    expect(replayShortfall(asks(quorum(2)), earlier)).toBeUndefined()
    expect(replayShortfall(asks(quorum(2), { target: 'cpu' }), earlier)).toContain('cpu was asked for')
    expect(replayShortfall(asks(quorum(2), { min_agents: 3 }), earlier)).toBeUndefined()
    expect(replayShortfall(asks(quorum(2), { min_agents: 4 }), earlier)).toContain('it has 3')
  })

  it('without what the asker himself said', () => {
    const trace: Trace = {
      trace: 1,
      agents: ['a', 'b', 'c', 'd'],
      runs: [
        {
          first: 0,
          count: 2,
          method: 'quorum',
          copies: [
            [0, 0, 'wasm'],
            [1, 1, 'wasm'],
            [2, 2, 'cpu'],
          ],
        },
        {
          first: 2,
          count: 1,
          method: 'quorum',
          copies: [
            [1, 1, 'wasm'],
            [3, 0, 'wasm'],
          ],
        },
        {
          first: 3,
          count: 1,
          method: 'referee',
          copies: [
            [0, 0, 'wasm'],
            [-1, -1, 'wasm'],
          ],
        },
        { first: 4, count: 1, method: 'single', copies: [[0, 0, 'wasm']] },
      ],
    }
    expect(achievedRuns(trace, () => false).map(({ voices }) => voices)).toEqual([3, 2, 1, 1])
    // Key d is another one of the owner who has a.
    const runs = achievedRuns(trace, (key) => key === 'a')
    expect(runs.map(({ voices, isReduced }) => [voices, isReduced])).toEqual([
      [2, true],
      [1, true],
      [0, true],
      [0, true],
    ])
    const of = (verify: Verify, at: number) => record(verify, [runs[at] as AchievedRun])
    expect(replayShortfall(asks(quorum(2)), of(quorum(3), 0))).toBeUndefined()
    expect(replayShortfall(asks(quorum(3)), of(quorum(3), 0))).toContain('2 owners, 3')
    expect(replayShortfall(asks(quorum(2)), of(quorum(2), 1))).toContain('1 owners, 2')
    expect(replayShortfall(asks(quorum(2)), of(quorum(2), 2))).toBeUndefined()
    for (const verify of [spotcheck(0.1), adaptive(0.1)]) {
      expect(replayShortfall(asks(verify), of(verify, 3))).toBeDefined()
      expect(replayShortfall(asks(verify), of(verify, 1))).toBeDefined()
    }
  })
})
