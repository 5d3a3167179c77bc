import { describe, expect, it } from 'vitest'
import { TimerWheel } from './timers.ts'

describe('the wheel of deadlines', () => {
  it('gives what is due in order of time, each once, however its slots lie', () => {
    const wheel = new TimerWheel<string>()
    for (const at of [1000, 10, 300, 299, 5000, 300]) wheel.set(at, `${at}`)
    expect(wheel.due(9)).toEqual([])
    expect(wheel.due(300)).toEqual(['10', '299', '300', '300'])
    expect(wheel.due(300)).toEqual([])
    expect(wheel.due(100_000)).toEqual(['1000', '5000'])
  })

  it('gives nothing that was cancelled, and at once what lies in the past', () => {
    const wheel = new TimerWheel<string>()
    wheel.due(10_000)
    const gone = wheel.set(20_000, 'gone')
    wheel.set(5, 'past')
    wheel.set(Number.POSITIVE_INFINITY, 'never')
    gone.cancel()
    gone.cancel()
    expect(wheel.due(10_000)).toEqual(['past'])
    expect(wheel.due(1e9)).toEqual([])
  })

  it('agrees with a sorted list over a long time', () => {
    const wheel = new TimerWheel<number>()
    const expected = new Map<number, number>()
    let [now, random] = [0, 12345]
    const draw = (most: number) => {
      random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0
      return random % most
    }
    for (let turn = 0; turn < 500; turn++) {
      for (let at = draw(5); at > 0; at--) {
        const task = expected.size * 1000 + turn
        if (expected.has(task)) continue
        const due = now + draw(4000)
        expected.set(task, due)
        const timer = wheel.set(due, task)
        if (draw(4) > 0) continue
        timer.cancel()
        expected.delete(task)
      }
      now += draw(700)
      const due = [...expected].filter(([, at]) => at <= now).map(([task]) => task)
      const given = wheel.due(now)
      expect([...given].sort()).toEqual(due.sort())
      expect(given.map((task) => expected.get(task))).toEqual(
        given.map((task) => expected.get(task)).sort((a = 0, b = 0) => a - b),
      )
      for (const task of due) expected.delete(task)
    }
  })
})
