import { randomInt } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import type { Clock } from '../../agent-runtime/clock.ts'
import { chooseShards } from '../../kernel/shard-choice.ts'
import { namedFiles } from './operands.ts'
import { durationText, replayProgress } from './progress.ts'

describe('the shards of a replay', () => {
  it('are all, a list, or drawn', () => {
    expect(chooseShards('all', 3, randomInt)).toEqual([0, 1, 2])
    expect(chooseShards('10', 3, randomInt)).toEqual([0, 1, 2])
    expect(chooseShards('7,1-3,2', 10, randomInt)).toEqual([1, 2, 3, 7])
    expect(chooseShards('5-5', 10, randomInt)).toEqual([5])
    const drawn = chooseShards('40', 1_000_000, randomInt)
    expect(drawn).toHaveLength(40)
    expect(new Set(drawn).size).toBe(40)
    expect(Math.max(...drawn)).toBeLessThan(1_000_000)
    // Every choice of a draw is used, also when one is drawn twice.
    expect(chooseShards('2', 3, () => 0)).toEqual([0, 2])
  })

  it.each(['', '0', '-1', 'some', '1,', '3-1', '10-10', '1.5'])('refuse %j', (text) => {
    expect(() => chooseShards(text, 10, randomInt)).toThrow(
      expect.objectContaining({ code: 'CONTRACT_INVALID' }),
    )
  })
})

describe('the inputs of a replay', () => {
  it('are named once', () => {
    expect([...namedFiles(['a=x', 'b=y=z'])]).toEqual([
      ['a', 'x'],
      ['b', 'y=z'],
    ])
    for (const texts of [['a'], ['=x'], ['a='], ['a=x', 'a=y']])
      expect(() => namedFiles(texts)).toThrow('--input')
  })
})

describe('the progress of a replay', () => {
  it('estimates from the first shard, then says each tenth', () => {
    let now = 0
    const clock: Clock = { now: () => now, wallTime: () => now, sleep: async () => {} }
    const lines: string[] = []
    const progress = replayProgress(100, 2, clock, { write: (text) => lines.push(text) })
    for (let shard = 1; shard <= 100; shard++) {
      now += 200
      progress.done(shard, 400)
    }
    expect(lines[0]).toBe('A shard takes 0.4 s here: about 20 s for 100 on 2 at a time.\n')
    expect(lines.slice(1)).toHaveLength(10)
    expect(lines[5]).toBe('50 of 100 shards executed, about 10 s left\n')
  })

  it('has durations that are read at a glance', () => {
    expect([420, 90_000, 600_000, 8_000_000].map(durationText)).toEqual(['0.4 s', '90 s', '10 min', '2.2 h'])
  })
})
