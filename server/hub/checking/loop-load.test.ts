import { expect, it } from 'vitest'
import { LoopLoad } from './loop-load.ts'

it('is busy where the loop has worked more than two fifths of the time since the last look', () => {
  let now_ms = 0
  let active = 0
  const load = new LoopLoad(
    (since) => {
      const total = { idle: now_ms - active, active, utilization: active / Math.max(1, now_ms) }
      if (since === undefined) return total
      const worked = active - since.active
      const rested = total.idle - since.idle
      return { idle: rested, active: worked, utilization: worked / (worked + rested) }
    },
    () => now_ms,
  )
  const pass = (ms: number, worked_ms: number): boolean => {
    now_ms += ms
    active += worked_ms
    return load.isBusy
  }
  expect(load.isBusy).toBe(false)
  expect(pass(100, 40)).toBe(false)
  expect(pass(100, 90)).toBe(true)
  // Between two looks it is what it was.
  expect(pass(50, 0)).toBe(true)
  expect(pass(50, 0)).toBe(false)
})
